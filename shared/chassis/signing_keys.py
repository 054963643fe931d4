"""The keys that tokens are verified with: every accepted secret under its key id.

A token names its key by ``kid``; one that names none, or one that we do not hold, is refused.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence

from shared.chassis.sealing import derive_key

ALGORITHM = "HS256"


def key_id(secret: str) -> str:
    """A public name for ``secret``, from which nothing of it can be learnt."""
    digest = hashlib.sha256(derive_key(secret, "key-id")).digest()
    return base64.urlsafe_b64encode(digest[:9]).decode()


def keys_by_id(secrets: Sequence[str]) -> Mapping[str, str]:
    """Every accepted secret under its id, the current one first."""
    return {key_id(secret): secret for secret in secrets}
