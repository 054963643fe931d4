"""How a session's tokens are answered: in the body, or in cookies that no script can read.

`Token-Delivery: cookie` asks for the latter. The gateway writes it for every request that came with
cookies, so that no script ever gets the next tokens of their session in a body.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Response, after_this_request, jsonify, request

from services.auth.clients import DEVICE_HEADER
from services.auth.schemas.answers import CookieSessionSchema, TokenPairSchema
from services.auth.sessions.access_tokens import TokenPair
from shared.chassis.openapi import Blueprint
from shared.contracts.delivery import (
    ACCESS_COOKIE,
    BY_COOKIE,
    DELIVERY_HEADER,
    DEVICE_COOKIE,
    REFRESH_COOKIE,
)

DEVICE_TOKEN_SECONDS = 400 * 24 * 3600
DEVICE_HEADERS = {
    DEVICE_HEADER: {
        "schema": {"type": "string"},
        "description": "Send it with the next sign-in, so that the device is known. It may be a cookie.",
    }
}
_EITHER = {"anyOf": [TokenPairSchema, CookieSessionSchema]}
_DEVICE = {
    "name": DEVICE_HEADER,
    "in": "header",
    "schema": {"type": "string"},
    "description": "What an earlier sign-in on this device returned: there is no mail about a new device.",
}
_DELIVERY = {
    "name": DELIVERY_HEADER,
    "in": "header",
    "schema": {"type": "string", "enum": [BY_COOKIE]},
    "description": "`cookie`: the tokens are set as cookies that no script can read, not in the body.",
}
_COOKIE_OPTIONS: dict[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "Strict"}


def pair_response(
    blueprint: Blueprint, *, gives_device_token: bool
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Document a view that answers with ``answer_pair``."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        headers = DEVICE_HEADERS if gives_device_token else None
        parameters = [_DELIVERY, _DEVICE] if gives_device_token else [_DELIVERY]
        documented = blueprint.response(200, _EITHER, headers=headers)(view)
        described: Callable[..., Any] = blueprint.doc(parameters=parameters)(documented)
        return described

    return decorate


def is_by_cookie() -> bool:
    """Whether the client's tokens travel in cookies."""
    return request.headers.get(DELIVERY_HEADER) == BY_COOKIE


def answer_pair(pair: TokenPair) -> Response:
    """The pair, in the body or in cookies, in an answer that no cache keeps."""
    response = _in_cookies(pair) if is_by_cookie() else _in_body(pair)
    response.headers["Cache-Control"] = "no-store"
    if pair.device_token is not None:
        _set(response, DEVICE_COOKIE, pair.device_token, DEVICE_TOKEN_SECONDS)
    return response


def _in_body(pair: TokenPair) -> Response:
    response = _only(TokenPairSchema, pair)
    if pair.device_token is not None:
        response.headers[DEVICE_HEADER] = pair.device_token
    return response


def _in_cookies(pair: TokenPair) -> Response:
    response = _only(CookieSessionSchema, pair)
    _set(response, ACCESS_COOKIE, pair.access_token, pair.expires_in)
    _set(response, REFRESH_COOKIE, pair.refresh_token, pair.refresh_expires_in)
    return response


def _only(schema: Any, pair: TokenPair) -> Response:
    content = asdict(pair)
    return jsonify({name: content[name] for name in schema._declared_fields})


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, **_COOKIE_OPTIONS)


def forget_cookies() -> None:
    """Have the browser forget the session with this answer, whether it succeeds or fails."""

    @after_this_request
    def clear(response: Response) -> Response:
        for name in (ACCESS_COOKIE, REFRESH_COOKIE):
            response.delete_cookie(name, **_COOKIE_OPTIONS)
        return response
