"""Access and service tokens for tests: real ones, and every way of being wrong."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import jwt

from shared.chassis.ids import new_id
from shared.chassis.signing_keys import ALGORITHM, key_id
from shared.contracts import tokens

SECRET = "a-secret-for-tests-that-is-long-enough-0123456789"  # noqa: S105


def access_token(
    account_id: UUID,
    *,
    roles: tuple[str, ...] = (),
    secret: str = SECRET,
    claims: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """What auth would issue to ``account_id``, except for what ``claims`` and ``header`` say."""
    now = int(time.time())
    content = {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": str(account_id),
        "sid": str(new_id()),
        "jti": str(new_id()),
        "ver": 1,
        "type": "access",
        "fresh": False,
        "roles": list(roles),
        "iat": now,
        "nbf": now,
        "exp": now + 900,
        **(claims or {}),
    }
    header = {"kid": key_id(secret), "typ": tokens.ACCESS_TYPE, **(header or {})}
    return jwt.encode(content, secret, algorithm=ALGORITHM, headers=header)


def bearer(token: str) -> dict[str, str]:
    """The request header that presents ``token``."""
    return {"Authorization": f"Bearer {token}"}
