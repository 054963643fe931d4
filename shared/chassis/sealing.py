"""Sealing: bytes that only holders of the shared secret can read or make.

A sealed value is authenticated and encrypted (Fernet: AES-128-CBC with HMAC-SHA256) under a key
derived from the shared secret for one purpose (HKDF, RFC 5869), so that a value sealed for one use
is worthless for another. Values sealed under an older accepted secret still open.
"""

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SealBroken(Exception):
    """The value was not sealed by us for this purpose, or has been altered since."""


def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes that belong to ``purpose`` alone."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"doorward:{purpose}".encode()).derive(
        secret.encode()
    )


def message_purpose(subscriber: str) -> str:
    """What a message's seal is for: one subscriber, so that it cannot be passed to another."""
    return f"message:{subscriber}"


class Sealer:
    """Seals and opens values for one purpose."""

    def __init__(self, secrets: Sequence[str], purpose: str) -> None:
        keys = [base64.urlsafe_b64encode(derive_key(secret, purpose)) for secret in secrets]
        self._current = Fernet(keys[0])
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, value: bytes) -> str:
        """``value``, unreadable and unforgeable, as URL-safe text."""
        return self._fernet.encrypt(value).decode()

    def open(self, sealed: str) -> bytes:
        """What was sealed; raises SealBroken for anything that we did not seal."""
        try:
            return self._fernet.decrypt(sealed)
        except (InvalidToken, TypeError, ValueError) as error:
            raise SealBroken from error

    def is_current(self, sealed: str) -> bool:
        """Whether the current secret alone opens it."""
        try:
            self._current.decrypt(sealed)
        except (InvalidToken, TypeError, ValueError):
            return False
        return True

    def renew(self, sealed: str) -> str:
        """The same value under the current secret; raises SealBroken for anything that we did not seal."""
        return self.seal(self.open(sealed))
