"""Which new passwords are good enough, pure: length, and how hard they are to guess (NIST SP 800-63B)."""

import unicodedata
from collections.abc import Sequence

from zxcvbn import zxcvbn

MINIMUM_LENGTH = 8
MAXIMUM_LENGTH = 128
# zxcvbn's time grows with the square of the length, and no guesser gets beyond this.
_RATED_LENGTH = 64


def normalised(password: str) -> str:
    """The form that is hashed: NFKC, so that every keyboard's way of typing it is one password."""
    return unicodedata.normalize("NFKC", password)


def find_mistake(password: str, *, known: Sequence[str], minimum_score: int) -> str | None:
    """Why ``password`` is refused; None where it is good. ``known``: what others know of its owner."""
    password = normalised(password)
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        return f"A password has {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters."
    rating = zxcvbn(password[:_RATED_LENGTH], user_inputs=_guesses(known))
    if rating["score"] >= minimum_score:
        return None
    feedback = rating["feedback"]
    reasons = [text for text in (feedback["warning"], *feedback["suggestions"]) if text]
    return " ".join(reasons) or "It is too easy to guess."


def _guesses(known: Sequence[str]) -> list[str]:
    """What is known, and its parts: ``ada.lovelace@example.org`` gives ``ada`` and ``lovelace`` as well."""
    words: list[str] = []
    for text in known:
        separated = "".join(mark if mark.isalnum() else " " for mark in text)
        words += [text, text.partition("@")[0], *separated.split()]
    return words
