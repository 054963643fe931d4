"""What a mail server answers, read within bounds: each answer in time as a whole, and not without end.

A socket's timeout begins anew with each byte that comes. A server that sends one now and then, or lines
without end, would keep its slot for good, and in the end all of them.
"""

import smtplib
import socket
import time

LONGEST_ANSWER = 65_536  # bytes; a line has 512 (RFC 5321 section 4.5.3.1.5)
_AT_ONCE = 8192
DONE, GO_ON, LATER, NEVER = 2, 3, 4, 5


def meaning(code: int) -> int:
    """What the first digit says, also of a code that we do not know (RFC 5321 section 4.2.1)."""
    return code // 100


class BoundedSmtp(smtplib.SMTP):
    """smtplib's connection, whose timeout is that of a whole answer. ``SMTP_SSL`` may stand behind it."""

    def getreply(self) -> tuple[int, bytes]:
        """Code and text; raises SMTPServerDisconnected where they are late or too long."""
        sock = self.sock
        if sock is None:
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        if self.file is None:  # a new connection, or one that TLS has begun on
            self.file = AnswerReader(sock)
        timeout = sock.gettimeout()
        self.file.begin(timeout)
        try:
            return super().getreply()
        finally:
            if self.file is not None and self.file.is_hurried:
                sock.settimeout(timeout)


class AnswerReader:
    """What smtplib reads lines from, in the place of a file."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._deadline = 0.0
        self._left = 0
        self.is_hurried = False  # the socket's timeout is what was left of the answer's

    def begin(self, seconds: float | None) -> None:
        """From now on the lines are those of the next answer, which has so long."""
        self._deadline = time.monotonic() + (seconds if seconds is not None else float("inf"))
        self._left = LONGEST_ANSWER
        self.is_hurried = False

    def readline(self, longest: int) -> bytes:
        """The next line, or what came of it before the server left; raises OSError."""
        is_begun = False
        while (end := self._buffer.find(b"\n") + 1) == 0 and len(self._buffer) < longest:
            received = self._receive(is_hurried=is_begun or self._left < LONGEST_ANSWER)
            if not received:
                end = len(self._buffer)
                break
            self._buffer += received
            is_begun = True
        self._left -= end
        if end == 0 < len(self._buffer) or end >= longest or self._left < 0:
            raise OSError("the answer is too long")
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line

    def _receive(self, *, is_hurried: bool) -> bytes:
        """What comes next. The first part of an answer has the socket's own timeout, which costs no call."""
        if is_hurried:
            left_seconds = self._deadline - time.monotonic()
            if left_seconds <= 0:
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(None if left_seconds == float("inf") else left_seconds)
            self.is_hurried = True
        return self._sock.recv(_AT_ONCE)

    def close(self) -> None:
        """Nothing of its own is open."""
