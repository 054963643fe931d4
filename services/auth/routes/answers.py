"""How token pairs are answered: the body, and a token for a device that signs in for the first time."""

from dataclasses import asdict

from flask import Response, jsonify

from services.auth.access_tokens import TokenPair
from services.auth.clients import DEVICE_COOKIE, DEVICE_HEADER
from services.auth.schemas.sign_in import TokenPairSchema

DEVICE_TOKEN_SECONDS = 400 * 24 * 3600
_FIELDS = tuple(TokenPairSchema._declared_fields)
HEADERS = {
    DEVICE_HEADER: {
        "schema": {"type": "string"},
        "description": "Keep it and send it at the next sign-in: the device is then known.",
    }
}


def answer_pair(pair: TokenPair) -> Response:
    """The pair as JSON that no cache keeps."""
    content = asdict(pair)
    response = jsonify({name: content[name] for name in _FIELDS})
    response.headers["Cache-Control"] = "no-store"
    if pair.device_token is not None:
        _give_device_token(response, pair.device_token)
    return response


def _give_device_token(response: Response, token: str) -> None:
    response.headers[DEVICE_HEADER] = token
    response.set_cookie(
        DEVICE_COOKIE, token, max_age=DEVICE_TOKEN_SECONDS, secure=True, httponly=True, samesite="Lax"
    )
