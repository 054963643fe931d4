"""Mailed codes and links, recovery codes and other random secrets: how they are made, and what is stored.

Only keyed hashes are stored: a six-digit code has so few values that a plain hash would hide nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.chassis.sealing import derive_key

CODE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class CodeAndToken:
    """The two forms of one challenge: digits to type, and what a link carries."""

    code: str
    token: str


def new_code_and_token() -> CodeAndToken:
    """A fresh pair out of the system's randomness."""
    return CodeAndToken(code=f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}", token=new_token())


def new_token() -> str:
    """256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)


def digest(value: str) -> str:
    """What to store for a value of 256 random bits: nobody can try those, so no key is needed.

    So API keys and device tokens outlive the rotation of a secret.
    """
    return hashlib.sha256(value.encode()).hexdigest()


class CodeHasher:
    """Keyed hashes under the database's own key, which no rotation of a secret changes.

    A lookup also tries those under the accepted secrets, which served before the database had its key.
    """

    def __init__(self, own_key: Callable[[], bytes], accepted_secrets: Sequence[str]) -> None:
        self._own_key = own_key
        self._former = [derive_key(secret, "code") for secret in accepted_secrets]

    def hash(self, purpose: str, value: str) -> str:
        """What to store for ``value``; the same value has another hash for another purpose."""
        return _keyed(self._own_key(), purpose, value)

    def hashes(self, purpose: str, value: str, *, more_keys: Sequence[bytes] = ()) -> list[str]:
        """What may be stored for ``value``, the newest first; ``more_keys``: of other databases."""
        return [_keyed(key, purpose, value) for key in (self._own_key(), *self._former, *more_keys)]


def _keyed(key: bytes, purpose: str, value: str) -> str:
    return hmac.digest(key, f"{purpose}\n{value}".encode(), "sha256").hex()
