"""One conversation with the mail server, whose every phase is known.

Flask-Mail builds the message and makes the connection; what it lacks is added here: timeouts, verified
certificates, and a DATA command in two parts. All of the mail but its final line is sent first; then
the handover is committed, a note that from now on only the server knows the outcome, and in the same
breath the line with the single dot is sent. Whatever fails before is safe to try again.
"""

import re
import select
import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parseaddr
from functools import partial
from typing import Protocol

import flask_mail

from services.notifications.settings import NotificationsSettings

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_UNAVAILABLE = 421
_BAD_ADDRESS = 553
# The server wants another sign-in (RFC 4954 section 6): an operator mends that, and the mail is then taken.
_NOT_THE_MAILS_FAULT = frozenset({530, 534, 535, 538})


class Refused(Exception):
    """The server refused, or the conversation broke, and the server has not taken the mail."""

    def __init__(self, phase: str, code: int, text: str) -> None:
        super().__init__(f"{phase}: {code} {text}")
        self.phase = phase
        self.code = code

    @property
    def is_permanent(self) -> bool:
        """A 5xx to the mail: the same one will not be taken later either (RFC 5321 section 4.2.1)."""
        is_about_mail = self.phase != "connect" and self.code not in _NOT_THE_MAILS_FAULT
        return is_about_mail and 500 <= self.code < 600


class OutcomeUnknown(Exception):
    """The mail was handed over and no answer came: it may have been taken (RFC 5321 section 6.1)."""


class Handover(Protocol):
    """Whoever keeps book of what was handed over."""

    def prepare(self) -> None:
        """Be ready to commit; may raise, and then nothing is sent."""

    def commit(self) -> None:
        """Note that from now on only the server knows the outcome."""

    def release(self) -> None:
        """The final dot is out: what was noted may take its way."""


class SmtpConnection(flask_mail.Connection):
    """Flask-Mail's connection with timeouts, verified TLS and a handover."""

    def __init__(self, mail: flask_mail.Mail, settings: NotificationsSettings) -> None:
        super().__init__(mail)
        self._settings = settings
        self.sent = 0
        self.opened_at = time.monotonic()

    def configure_host(self) -> smtplib.SMTP:
        """Connect, secure and sign in; raises Refused."""
        try:
            return self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise _refusal("connect", error) from error

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context()
        kind = partial(smtplib.SMTP_SSL, context=context) if settings.smtp_security == "tls" else smtplib.SMTP
        host = kind(
            settings.smtp_host,
            settings.smtp_port,
            local_hostname=parseaddr(settings.mail_from)[1].rpartition("@")[2],
            timeout=settings.smtp_timeout_seconds,
        )
        try:
            if settings.smtp_security == "starttls":
                host.starttls(context=context)
            if settings.smtp_username and settings.smtp_password:
                host.login(settings.smtp_username, settings.smtp_password.get_secret_value())
            host.ehlo_or_helo_if_needed()
        except BaseException:
            host.close()
            raise
        return host

    def open(self) -> None:
        """Connect now."""
        self.host = self.configure_host()

    @property
    def smtp(self) -> smtplib.SMTP:
        """The connection to the server."""
        assert self.host is not None  # noqa: S101  (only used once it is open)
        return self.host

    def has_news(self) -> bool:
        """Whether the server said something unasked: that it has closed, or is about to."""
        if self.smtp.sock is None:
            return True
        return bool(select.select([self.smtp.sock], [], [], 0)[0])

    def is_alive(self) -> bool:
        """Whether the server still answers on this connection."""
        try:
            return self.smtp.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def deliver(self, message: flask_mail.Message, handover: Handover) -> str:
        """Send ``message``; the server's answer. Raises Refused or OutcomeUnknown."""
        if message.has_bad_headers():
            raise Refused("message", _BAD_ADDRESS, "a header would contain a line break")
        try:
            sender, recipients, data = _envelope(message)
        except ValueError as error:
            raise Refused("message", _BAD_ADDRESS, f"this mail cannot be written: {error}") from error
        self._begin(sender, recipients, data)
        handover.prepare()
        self._end_data(handover)
        answer = self._final_answer()
        self.sent += 1
        return answer

    def _begin(self, sender: str, recipients: list[str], data: bytes) -> None:
        """Everything up to the final dot, which is not sent yet."""
        self._ask("mail", {250}, lambda: self.smtp.mail(sender))
        for recipient in recipients:
            self._ask("rcpt", {250, 251}, partial(self.smtp.rcpt, recipient))
        self._ask("data", {354}, lambda: self.smtp.docmd("DATA"))
        try:
            self.smtp.send(data)
        except (OSError, smtplib.SMTPException) as error:
            raise _refusal("data", error) from error

    def _end_data(self, handover: Handover) -> None:
        """Commit the handover and send the final dot, with as little between the two as can be."""
        send = self.smtp.sock.send if self.smtp.sock is not None else self.smtp.send
        handover.commit()
        try:
            send(b".\r\n")
        except OSError as error:
            raise OutcomeUnknown(repr(error)) from error
        finally:
            handover.release()

    def _ask(self, phase: str, wanted: set[int], command: Callable[[], tuple[int, bytes]]) -> None:
        try:
            code, text = command()
        except (OSError, smtplib.SMTPException) as error:
            raise _refusal(phase, error) from error
        if code not in wanted:
            raise Refused(phase, code, text.decode("utf-8", "replace"))

    def _final_answer(self) -> str:
        try:
            self._wait_at_most(self._settings.smtp_final_timeout_seconds)
            code, text = self.smtp.getreply()
            self._wait_at_most(self._settings.smtp_timeout_seconds)
        except (OSError, smtplib.SMTPException) as error:
            raise OutcomeUnknown(repr(error)) from error
        answer = text.decode("utf-8", "replace")
        if code != 250:
            raise Refused("answer", code, answer)
        return f"{code} {answer}"

    def _wait_at_most(self, seconds: float) -> None:
        if self.smtp.sock is not None:
            self.smtp.sock.settimeout(seconds)

    def abandon(self) -> None:
        """Cut the connection without a word."""
        if self.host is not None:
            self.host.close()
            self.host = None

    def close(self) -> None:
        """Leave politely where that is possible, and in any case."""
        if self.host is not None:
            with suppress(OSError, smtplib.SMTPException):
                self.host.putcmd("quit")  # whose answer nobody needs
            self.host.close()
            self.host = None


def _envelope(message: flask_mail.Message) -> tuple[str, list[str], bytes]:
    """Sender, recipients and data; raises ValueError for what cannot be written in ASCII."""
    sender = parseaddr(flask_mail.sanitize_address(message.sender))[1]
    recipients = [parseaddr(address)[1] for address in flask_mail.sanitize_addresses(message.send_to)]
    for address in [sender, *recipients]:
        address.encode("ascii")
    return sender, recipients, _as_data(message.as_bytes())


def _as_data(message: bytes) -> bytes:
    """The mail as DATA wants it, without the final dot (RFC 5321 section 4.5.2)."""
    lines = _LINE_END.sub(b"\r\n", message)
    stuffed = _LEADING_DOT.sub(b"..", lines)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _refusal(phase: str, error: Exception) -> Refused:
    """A conversation that broke is as good as a temporary refusal; one with an answer keeps its code."""
    code = getattr(error, "smtp_code", 0)
    is_answer = isinstance(code, int) and code >= 400
    return Refused(phase, code if is_answer else _UNAVAILABLE, f"{type(error).__name__}: {error}")
