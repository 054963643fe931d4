"""What a conversation with the mail server can come to, other than a mail that was taken."""

UNAVAILABLE = 421
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


def refusal(phase: str, error: Exception) -> Refused:
    """A conversation that broke is as good as a temporary refusal; one with an answer keeps its code."""
    code = getattr(error, "smtp_code", 0)
    is_answer = isinstance(code, int) and code >= 400
    return Refused(phase, code if is_answer else UNAVAILABLE, f"{type(error).__name__}: {error}")
