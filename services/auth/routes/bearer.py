"""The refresh token that a request presents in its Authorization header."""

from flask import request

from services.auth.errors import RefreshTokenInvalid
from shared.chassis import token_form


def bearer_token() -> str:
    authorization = request.headers.get("Authorization", "")
    scheme, _, token = authorization.partition(" ")
    advice = token_form.refresh_advice(authorization)
    if advice is not None or scheme.lower() != "bearer" or not token:
        raise RefreshTokenInvalid(advice)
    return token.strip()
