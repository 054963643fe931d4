"""Service tokens: how one Doorward process proves itself to another.

Short-lived JWTs of the audience ``internal`` under a key that is derived for them alone, so that no
user's token can ever pass for one, nor the other way round.
"""

import time
from collections.abc import Mapping

import jwt
from flask import Flask, request

from shared.chassis import errors
from shared.chassis.sealing import derive_key
from shared.chassis.settings import ProcessSettings
from shared.chassis.signing_keys import HS256, key_id
from shared.contracts import tokens

LIFETIME_SECONDS = 60
_EXTENSION = "doorward_service_token_keys"


class ServiceTokenInvalid(errors.Unauthorized):
    """The call did not come from another Doorward process."""

    code = "service_token_invalid"
    detail = "This address is for Doorward's own services."


def install(app: Flask, settings: ProcessSettings) -> None:
    """Keep the keys that service tokens are verified with."""
    app.extensions[_EXTENSION] = _keys(settings)


def issue(settings: ProcessSettings, *, process: str) -> str:
    """A token that says: I am ``process``, for the next minute."""
    now = int(time.time())
    secret = settings.accepted_secrets[0]
    return jwt.encode(
        {
            "iss": tokens.ISSUER,
            "aud": tokens.INTERNAL_AUDIENCE,
            "sub": process,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        },
        derive_key(secret, "service-token"),
        algorithm=HS256,
        headers={"kid": key_id(secret), "typ": tokens.SERVICE_TYPE},
    )


def verify_request(app: Flask) -> str:
    """The name of the process that calls; raises ServiceTokenInvalid for anybody else."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise ServiceTokenInvalid
    return _subject(token, app.extensions[_EXTENSION])


def _keys(settings: ProcessSettings) -> Mapping[str, bytes]:
    return {key_id(secret): derive_key(secret, "service-token") for secret in settings.accepted_secrets}


def _subject(token: str, keys: Mapping[str, bytes]) -> str:
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != tokens.SERVICE_TYPE:
            raise ServiceTokenInvalid
        claims = jwt.decode(
            token,
            keys[str(header.get("kid"))],
            algorithms=[HS256],
            audience=tokens.INTERNAL_AUDIENCE,
            issuer=tokens.ISSUER,
            leeway=5,
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )
    except (jwt.PyJWTError, KeyError) as error:
        raise ServiceTokenInvalid from error
    return str(claims["sub"])
