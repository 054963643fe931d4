"""One conversation with the mail server, whose every phase is known.

Flask-Mail builds the message and makes the connection; what it lacks is added here: timeouts, verified
certificates, and a DATA command in two parts. All of the mail but its final line is sent first; then
the handover is committed, a note that from now on only the server knows the outcome, and in the same
breath the line with the single dot is sent. Whatever fails before is safe to try again.
"""

import select
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parseaddr
from functools import partial
from typing import Protocol

import flask_mail

from services.notifications.envelopes import envelope_of
from services.notifications.refusals import UNAVAILABLE, OutcomeUnknown, Refused, refusal
from services.notifications.settings import NotificationsSettings

FINAL_DOT = b".\r\n"
_BAD_ADDRESS = 553


class Handover(Protocol):
    """Whoever keeps book of what was handed over."""

    def prepare(self) -> None:
        """Be ready to commit; may raise, and then nothing is sent."""

    def commit(self) -> None:
        """Note that from now on only the server knows the outcome."""

    def release(self) -> None:
        """The final dot is out: what was noted may take its way."""

    def tell_sent(self, answer: str) -> None:
        """The server has taken the mail."""


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
            raise refusal("connect", error) from error

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
            _send_at_once(host)
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
            sender, recipients, data = envelope_of(message)
        except ValueError as error:
            raise Refused("message", _BAD_ADDRESS, f"this mail cannot be written: {error}") from error
        self._begin(sender, recipients, data)
        handover.prepare()
        self._end_data(handover)
        answer = self._final_answer()
        handover.tell_sent(answer)
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
            raise refusal("data", error) from error

    def _end_data(self, handover: Handover) -> None:
        """Commit the handover and send the final dot, with as little between the two as can be."""
        sock = self._socket()
        # With a timeout, Python would look first whether the socket takes anything, and would have to win its
        # lock back from the other threads before it sends: milliseconds, in the one place where none may be.
        sock.setblocking(False)
        time.sleep(0)  # a fresh turn with that lock, so that nobody asks for it meanwhile
        handover.commit()
        try:
            sent = sock.send(FINAL_DOT)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        except OSError as error:
            raise OutcomeUnknown(repr(error)) from error
        finally:
            handover.release()
        self._send_rest(FINAL_DOT[sent:])

    def _send_rest(self, rest: bytes) -> None:
        """What the socket had no room for, which is next to never anything."""
        self._wait_at_most(self._settings.smtp_final_timeout_seconds)
        try:
            self._socket().sendall(rest)
        except OSError as error:
            raise OutcomeUnknown(repr(error)) from error

    def _socket(self) -> socket.socket:
        if self.smtp.sock is None:
            raise Refused("data", UNAVAILABLE, "the connection is gone")
        return self.smtp.sock

    def _ask(self, phase: str, wanted: set[int], command: Callable[[], tuple[int, bytes]]) -> None:
        try:
            code, text = command()
        except (OSError, smtplib.SMTPException) as error:
            raise refusal(phase, error) from error
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


def _send_at_once(host: smtplib.SMTP) -> None:
    """Let the final dot go out when it is sent.

    By default it waits until the server has acknowledged the mail before it (Nagle's algorithm), which the
    server puts off for 40 ms: all that time the outcome would be unknown.
    """
    if host.sock is not None:
        host.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
