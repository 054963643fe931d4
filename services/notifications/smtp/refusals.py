"""What a conversation with the mail server can come to, other than a message that was taken. Pure."""

import re
from datetime import timedelta

UNAVAILABLE = 421
# What a server says before it knows the recipient is about us, its client: our address, password or rate.
_ABOUT_THE_CLIENT = frozenset({"connect", "mail"})
# The server wants another sign-in (RFC 4954 section 6), which an operator can give it.
_SIGN_IN_AGAIN = frozenset({530, 534, 535, 538})
# RFC 3463: 4.x.x is temporary whatever the code before it; 5.2.2 is a full mailbox, which may be emptied. An
# IP address or a version in the text is no such code.
_ENHANCED = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
_FULL_MAILBOX = ("2", "2")
# Many servers say only at RCPT what they have against us. It is no fault of the recipient's, and an operator
# can put it right. The server is still not left alone for it: it may take what goes to other domains. The
# "relay recipient table" is Postfix's list of the recipients that there are.
_AGAINST_US = re.compile(
    r"\brelay(ing|ed)?\b(?! recipient table)|\brcpthosts\b|\b(sender address|client host|helo command)\b",
    re.IGNORECASE,
)
LONGEST_TEXT = 1000  # a server may say more, and all of it would be searched, logged and shown
_HINT = re.compile(r"\b(\d{1,5})\s*(s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?)\b", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class NotNoted(Exception):
    """PostgreSQL did not take the note of the handover, or the attempt is not ours any more."""


class Refused(Exception):
    """The server refused, or the conversation broke, and the server has not taken the message."""

    def __init__(self, phase: str, code: int, text: str, *, server: str | None = None) -> None:
        self.text = text[:LONGEST_TEXT]
        super().__init__(f"{phase}: {code} {self.text}")
        self.phase = phase
        self.code = code
        self.server = server

    @property
    def is_permanent(self) -> bool:
        """The same message will not be taken later either (RFC 5321 section 4.2.1, RFC 3463)."""
        if self.can_go_elsewhere or not 500 <= self.code < 600:
            return False
        enhanced = _ENHANCED.search(self.text)
        if enhanced is None:
            return True
        return enhanced[1] == "5" and (enhanced[2], enhanced[3]) != _FULL_MAILBOX

    @property
    def is_servers_fault(self) -> bool:
        """Whether the server takes nothing of ours at the moment, whoever it is for."""
        is_broken = self.code == UNAVAILABLE
        return is_broken or self.phase in _ABOUT_THE_CLIENT or self.code in _SIGN_IN_AGAIN

    @property
    def can_go_elsewhere(self) -> bool:
        """Whether it says nothing about the message, so that another server is asked in the same attempt."""
        return self.is_servers_fault or self.is_against_us

    @property
    def is_against_us(self) -> bool:
        """Whether the recipient was refused for what we are: may not relay, or not send from our address."""
        return self.phase == "rcpt" and _AGAINST_US.search(self.text) is not None

    @property
    def least_wait(self) -> timedelta:
        """For how long the server asked to be left alone, as in "try again in 5 minutes"; zero else."""
        hint = _HINT.search(self.text) if 400 <= self.code < 500 else None
        if hint is None:
            return timedelta(0)
        return timedelta(seconds=int(hint[1]) * _SECONDS[hint[2][0].lower()])


class OutcomeUnknown(Exception):
    """The message was handed over and no answer came: it may have been taken (RFC 5321 section 6.1)."""

    def __init__(self, text: str, *, server: str | None = None) -> None:
        super().__init__(text)
        self.server = server


def refusal(phase: str, error: Exception, *, server: str | None = None) -> Refused:
    """A conversation that broke is as good as a temporary refusal; one with an answer keeps its code."""
    code = getattr(error, "smtp_code", 0)
    is_answer = isinstance(code, int) and code >= 400
    text = f"{type(error).__name__}: {error}"
    return Refused(phase, code if is_answer else UNAVAILABLE, text, server=server)
