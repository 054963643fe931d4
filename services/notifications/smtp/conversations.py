"""One conversation with one mail server, whose every phase is known.

Flask-Mail's connection is what carries it; what that lacks is added here: timeouts, verified certificates,
pipelining, and a DATA command in two parts. All of the message but its final line is sent first; then
the handover is noted, and only then the line with the single dot. Whatever fails before is safe to try again.
"""

import select
import smtplib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import flask_mail

from services.notifications.smtp import connecting
from services.notifications.smtp.answers import DONE, GO_ON, LATER, NEVER, meaning
from services.notifications.smtp.mime import MailMessage, as_data
from services.notifications.smtp.refusals import UNAVAILABLE, OutcomeUnknown, Refused, refusal
from services.notifications.smtp.servers import SmtpServer

FINAL_DOT = b".\r\n"
_BAD_ADDRESS = 553
_ACCEPTED = {"mail": DONE, "rcpt": DONE, "data": GO_ON}


class Handover(Protocol):
    """Whoever keeps a record of what was handed over."""

    @property
    def left_seconds(self) -> float:
        """For how long the conversation up to the handover may last."""

    @property
    def lane(self) -> str:
        """The lane that the message waits in."""

    def note(self, server: str) -> None:
        """Return when it is noted that from now on only ``server`` knows the outcome; raises NotNoted."""


class SmtpConnection(flask_mail.Connection):
    """Flask-Mail's connection with timeouts, verified TLS, pipelining and a handover."""

    def __init__(
        self, mail: flask_mail.Mail, server: SmtpServer, *, timeout: float, final_timeout: float
    ) -> None:
        super().__init__(mail)
        self._server = server
        self._timeout = timeout
        self._final_timeout = final_timeout
        self._sender = ""

    def open(self, mail_from: str, *, within_seconds: float) -> None:
        """Connect, secure and sign in; raises Refused."""
        self._sender = mail_from
        try:
            timeout = min(self._timeout, max(within_seconds, 0.1))
            self.host = connecting.connect(
                self._server, my_name=mail_from.rpartition("@")[2], timeout=timeout
            )
        except (OSError, smtplib.SMTPException) as error:
            raise refusal("connect", error, server=self._server.name) from error

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

    def is_ready_again(self) -> bool:
        """Whether the server is ready for another message after a refusal."""
        with suppress(Exception):
            return self.smtp.sock is not None and self.smtp.rset()[0] == 250
        return False

    def deliver(self, message: MailMessage, handover: Handover) -> str:
        """Send ``message``; the server's answer. Raises Refused, NotNoted or OutcomeUnknown."""
        if message.has_bad_headers():
            raise self._refused("message", _BAD_ADDRESS, "a header would contain a line break")
        sender, recipient = self._sender, str(message.recipients[0])
        options, write = self._form(message, sender, recipient)
        self._wait_at_most(min(self._timeout, max(handover.left_seconds, 0.1)))
        commands = [
            ("mail", f"MAIL FROM:<{sender}>{options}"),
            ("rcpt", f"RCPT TO:<{recipient}>"),
            ("data", "DATA"),
        ]
        if self.smtp.has_extn("pipelining"):
            content = self._begin_in_one_go(commands, write)
        else:
            content = as_data(write())
            self._begin_in_turns(commands)
        self._send("data", content)
        handover.note(self._server.name)
        self._send_dot()
        return self._final_answer()

    def _form(self, message: MailMessage, sender: str, recipient: str) -> tuple[str, Callable[[], bytes]]:
        """What MAIL has to say, and what writes the content; raises Refused where the server cannot take
        such an address.
        """
        has_eight_bits = message.gains_from_eight_bits and self.smtp.has_extn("8bitmime")
        write = message.as_eight_bits if has_eight_bits else message.as_bytes
        if sender.isascii() and recipient.isascii():
            return " BODY=8BITMIME" if has_eight_bits else "", write
        if not self.smtp.has_extn("smtputf8"):
            text = "5.6.7 this server does not take addresses that are not ASCII"
            raise self._refused("message", _BAD_ADDRESS, text)
        return " SMTPUTF8 BODY=8BITMIME", write

    def _begin_in_turns(self, commands: Sequence[tuple[str, str]]) -> None:
        for phase, command in commands:
            self._send(phase, f"{command}\r\n".encode())
            self._expect(phase, *self._reply(phase))

    def _begin_in_one_go(self, commands: Sequence[tuple[str, str]], write: Callable[[], bytes]) -> bytes:
        """Everything up to the content at once (RFC 2920); the content, written while the server thinks."""
        self._send("mail", "".join(f"{command}\r\n" for _, command in commands).encode())
        content = as_data(write())
        replies = [(phase, *self._reply(phase)) for phase, _ in commands]
        for phase, code, text in replies:
            if meaning(code) != _ACCEPTED[phase] and meaning(replies[-1][1]) == GO_ON:
                self.abandon()  # the server waits for content that it shall not get
            self._expect(phase, code, text)
        return content

    def _send(self, phase: str, content: bytes) -> None:
        try:
            self.smtp.send(content)
        except (OSError, smtplib.SMTPException) as error:
            raise refusal(phase, error, server=self._server.name) from error

    def _reply(self, phase: str) -> tuple[int, bytes]:
        try:
            return self.smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise refusal(phase, error, server=self._server.name) from error

    def _expect(self, phase: str, code: int, text: bytes) -> None:
        if meaning(code) != _ACCEPTED[phase]:
            raise self._refused(phase, code, text.decode("utf-8", "replace"))

    def _refused(self, phase: str, code: int, text: str) -> Refused:
        return Refused(phase, code, text, server=self._server.name)

    def _send_dot(self) -> None:
        sock = self.smtp.sock
        if sock is None:
            raise self._refused("data", UNAVAILABLE, "the connection is gone")
        try:
            sock.sendall(FINAL_DOT)
        except OSError as error:
            raise OutcomeUnknown(repr(error), server=self._server.name) from error

    def _final_answer(self) -> str:
        try:
            self._wait_at_most(self._final_timeout)
            code, text = self.smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise OutcomeUnknown(repr(error), server=self._server.name) from error
        answer = text.decode("utf-8", "replace")
        if meaning(code) in {LATER, NEVER}:
            raise self._refused("answer", code, answer)
        if meaning(code) != DONE:  # no answer to what was sent: the message may have been taken
            raise OutcomeUnknown(f"{code} {answer}", server=self._server.name)
        return f"{code} {answer}"

    def _wait_at_most(self, seconds: float) -> None:
        if self.smtp.sock is not None:
            self.smtp.sock.settimeout(seconds)

    def abandon(self) -> None:
        """Cut the connection without a word."""
        if self.host is not None:
            self.host.close()

    def close(self) -> None:
        """Leave politely where that is possible, and in any case."""
        if self.host is not None:
            with suppress(OSError, smtplib.SMTPException):
                self.host.putcmd("quit")  # whose answer nobody needs
            self.host.close()
