"""Which new passwords are good enough, pure: length, and how hard they are to guess (NIST SP 800-63B)."""

import unicodedata
from collections.abc import Sequence

from zxcvbn_rs_py import Feedback, zxcvbn

MINIMUM_LENGTH = 8
MAXIMUM_LENGTH = 128
# zxcvbn's time grows exponentially with the number of marks that stand for letters. A password is at least as
# hard to guess as any part of it, so parts are rated, and the best of them counts.
_PART_LENGTH = 16
_PARTS_RATED = 3


def normalised(password: str) -> str:
    """The form that is hashed: NFKC, so that every keyboard's way of typing it is one password."""
    return unicodedata.normalize("NFKC", password)


def find_mistake(password: str, *, known: Sequence[str], minimum_score: int) -> str | None:
    """Why ``password`` is refused; None where it is good. ``known``: what others know of its owner."""
    password = normalised(password)
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        return f"A password has {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters."
    words = _guesses(known)
    ratings = []
    for part in _parts(password):
        ratings.append(zxcvbn(part, words))
        if int(ratings[-1].score) >= minimum_score:
            return None
    return _reason(max(ratings, key=lambda rating: int(rating.score)).feedback)


def _parts(password: str) -> list[str]:
    begins = range(0, len(password), _PART_LENGTH)
    return [password[begin : begin + _PART_LENGTH] for begin in begins][:_PARTS_RATED]


def _reason(feedback: Feedback | None) -> str:
    found = (feedback.warning, *feedback.suggestions) if feedback else ()
    return " ".join(str(text) for text in found if text) or "It is too easy to guess."


def _guesses(known: Sequence[str]) -> list[str]:
    """What is known, and its parts: ``ada.lovelace@example.org`` gives ``ada`` and ``lovelace`` as well."""
    words: list[str] = []
    for text in known:
        separated = "".join(mark if mark.isalnum() else " " for mark in text)
        words += [text, text.partition("@")[0], *separated.split()]
    return words
