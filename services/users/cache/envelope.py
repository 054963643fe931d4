"""Envelopes: cached bytes that only we can read, and that are worth something under their own key alone.

AES-GCM with the account and the version as associated data: a value that was moved to another key, altered or
made by somebody else does not open. A dump of Redis shows nobody's profile.
"""

import os
from collections.abc import Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.chassis.sealing import derive_key

_NONCE_BYTES = 12


class Envelope:
    """Closes under the current secret, and opens what any accepted one has closed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._ciphers = [AESGCM(derive_key(secret, "profile-cache")) for secret in secrets]

    def close(self, content: bytes, account_id: UUID, version: int) -> bytes:
        """``content``, unreadable and bound to the account and the version."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, content, _bound_to(account_id, version))

    def open(self, closed: bytes, account_id: UUID, version: int) -> bytes | None:
        """What was closed; None for anything that was not closed for this account and version."""
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(
                    closed[:_NONCE_BYTES], closed[_NONCE_BYTES:], _bound_to(account_id, version)
                )
            except (InvalidTag, ValueError):
                continue
        return None


def _bound_to(account_id: UUID, version: int) -> bytes:
    return account_id.bytes + version.to_bytes(8, "big")
