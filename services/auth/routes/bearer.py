"""The refresh token that a request presents in its Authorization header."""

from flask import request

from services.auth.errors import RefreshTokenInvalid


def bearer_token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RefreshTokenInvalid
    return token.strip()
