"""Access and service tokens for tests: real ones, and every way of being wrong."""

import base64
import hmac
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from shared.chassis.ids import new_id
from shared.chassis.signing_keys import HS256, key_id
from shared.contracts import tokens

SECRET = "a-secret-for-tests-that-is-long-enough-0123456789"  # noqa: S105
OWN_SECRET = "the-secret-of-auth-alone-for-tests-0123456789-xyz"  # noqa: S105


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
    top = {"alg": HS256, "kid": key_id(secret), "typ": tokens.ACCESS_TYPE, **(header or {})}
    return signed(top, content, secret)


def signed(header: Mapping[str, Any], content: Mapping[str, Any], secret: str) -> str:
    """A compact JWS made by hand, since a library refuses to make bad ones; None leaves a member out."""
    parts = [
        _base64(orjson.dumps({name: value for name, value in part.items() if value is not None}))
        for part in (header, content)
    ]
    signature = hmac.digest(secret.encode(), ".".join(parts).encode(), "sha256")
    return ".".join([*parts, _base64(signature)])


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def bearer(token: str) -> dict[str, str]:
    """The request header that presents ``token``."""
    return {"Authorization": f"Bearer {token}"}
