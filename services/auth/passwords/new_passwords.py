"""What a new password has to be: long enough, hard to guess, and not known from breaches."""

from collections.abc import Sequence

from services.auth.deps import deps
from services.auth.errors import PasswordBreached, PasswordTooWeak
from services.auth.passwords.policy import find_mistake

POINTER = "/password"


def check(password: str, *, known: Sequence[str | None], pointer: str = POINTER) -> None:
    """Refuse a bad new password; ``known``: what others know of its owner.

    Raises PasswordTooWeak, PasswordBreached.
    """
    check_strength(password, known=known, pointer=pointer)
    if deps().breaches.know(password):
        raise PasswordBreached(errors=[{"pointer": pointer, "detail": PasswordBreached.detail}])


def check_strength(password: str, *, known: Sequence[str | None], pointer: str = POINTER) -> None:
    """Refuse a new password that is too easy to guess; raises PasswordTooWeak."""
    words = [text for text in known if text]
    mistake = find_mistake(password, known=words, minimum_score=deps().settings.password_minimum_score)
    if mistake is not None:
        raise PasswordTooWeak(errors=[{"pointer": pointer, "detail": mistake}])
