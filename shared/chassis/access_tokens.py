"""Access tokens as every process verifies them: by flask-jwt-extended, under keys that it is given here.

Its key loader finds a token's key by ``kid`` and refuses it for any other algorithm than its own; before
that the token must have the form that auth writes (``token_form``). Clocks may differ by
``LEEWAY_SECONDS`` where a token is young; none of it prolongs one.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jwt
from flask import Flask, Response, current_app, request
from flask_jwt_extended import JWTManager, get_jwt, verify_jwt_in_request
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from shared.chassis import errors, jwt_extended, service_tokens, token_form
from shared.chassis.internal_client import InternalClient
from shared.chassis.published_keys import PublishedKeys
from shared.chassis.settings import ProcessSettings
from shared.chassis.signing_keys import HS256, VerificationKey, shared_keys
from shared.chassis.verified_tokens import VerifiedToken, VerifiedTokens
from shared.contracts import tokens
from shared.contracts.internal import KeySetBody

LEEWAY_SECONDS = 5  # for iat and nbf, which the clock of another host has set
KEY_SET_PATH = "/.well-known/jwks.json"

_KEYS = "doorward_access_token_keys"
_VERIFIED = "doorward_verified_tokens"
FindKey = Callable[[str], VerificationKey | None]
Header = Mapping[str, str]


class TokenMissing(errors.Unauthorized):
    """The route needs a signed-in caller and no token came."""

    code = "token_missing"
    detail = "Send an access token in the Authorization header."


class TokenInvalid(errors.Unauthorized):
    """The token was not issued here, or not for this use (RFC 6750 section 3.1)."""

    code = "token_invalid"
    detail = "This access token is not valid."

    def __init__(self, detail: str | None = None, **options: Any) -> None:
        super().__init__(detail, **options)
        self.headers["WWW-Authenticate"] = 'Bearer realm="doorward", error="invalid_token"'


class TokenExpired(TokenInvalid):
    """The access token has expired; a refresh returns a new one."""

    code = "token_expired"
    detail = "This access token has expired; refresh it."


class TokenRevoked(TokenInvalid):
    """The session behind the token has ended."""

    code = "token_revoked"
    detail = "The session of this token has ended; sign in again."


def install(
    app: Flask, settings: ProcessSettings, find_published: FindKey, *, verified: VerifiedTokens | None = None
) -> JWTManager:
    """Set flask-jwt-extended up: what a token must be, and our errors where it is not.

    ``find_published`` gives auth's public key of a ``kid``; the shared secrets are the settings'. With
    ``verified`` the process remembers tokens.
    """
    app.config.update(
        JWT_SECRET_KEY=settings.accepted_secrets[0],
        JWT_DECODE_ALGORITHMS=settings.jwt_algorithms,
        JWT_DECODE_LEEWAY=LEEWAY_SECONDS,
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ENCODE_ISSUER=settings.issuer,
        JWT_DECODE_ISSUER=[settings.issuer, tokens.ISSUER],
        JWT_ENCODE_AUDIENCE=tokens.AUDIENCE,
        JWT_DECODE_AUDIENCE=tokens.AUDIENCE,
    )
    service_tokens.install(app, settings)
    app.extensions[_VERIFIED] = verified or VerifiedTokens(most=0)
    manager = JWTManager(app)
    find_key = app.extensions[_KEYS] = _key_loader(settings, find_published)
    manager.decode_key_loader(find_key)
    manager.token_verification_loader(lambda header, claims: not VerifiedToken(header, claims).is_over)
    manager.token_verification_failed_loader(lambda _header, _claims: _answer(TokenExpired()))
    manager.unauthorized_loader(lambda _reason: _answer(TokenMissing()))
    manager.invalid_token_loader(lambda _reason: _answer(TokenInvalid()))
    manager.expired_token_loader(lambda _header, _claims: _answer(TokenExpired()))
    return manager


def published_keys(settings: ProcessSettings, *, process: str) -> PublishedKeys:
    """auth's public keys, asked for over HTTP."""

    @cache
    def client() -> InternalClient:  # made on first use, after any fork
        return InternalClient(settings, process=process, base_url=str(settings.auth_url))

    return PublishedKeys(lambda: client().get(KEY_SET_PATH, KeySetBody), settings.jwt_algorithms)


def _key_loader(settings: ProcessSettings, find_published: FindKey) -> Callable[..., Any]:
    accepted = frozenset(settings.jwt_algorithms)
    shared = shared_keys(settings.accepted_secrets)

    def find_key(header: Header, _claims: dict[str, Any]) -> Any:
        algorithm, kid = header["alg"], header["kid"]
        if algorithm not in accepted:
            raise TokenInvalid
        key = shared.get(kid) if algorithm == HS256 else find_published(kid)
        if key is None or key.algorithm != algorithm:
            raise TokenInvalid
        return key.material

    return find_key


def verify_request() -> dict[str, Any]:
    """The claims of the request's access token; raises one of the errors above, or KeysUnavailable."""
    authorization = request.headers.get("Authorization")
    if authorization is None:
        raise TokenMissing
    try:
        token = token_form.bearer_token(authorization)
    except token_form.NotOurForm as error:
        raise TokenInvalid(token_form.advice(authorization)) from error
    known = _verify(token, _read_from_request)
    claims = dict(known.claims)
    jwt_extended.present(known.header, claims)
    return claims


def verify(token: str) -> dict[str, Any]:
    """The claims of an access token that did not come with the request; errors as for ``verify_request``.

    By PyJWT itself, under the same keys and rules: flask-jwt-extended reads each token three times.
    """
    return dict(_verify(token, _read).claims)


def _verify(token: str, read: Callable[[str, Header], dict[str, Any]]) -> VerifiedToken:
    extensions = current_app.extensions
    memory: VerifiedTokens = extensions[_VERIFIED]
    known = memory.find(token)
    if known is not None:
        extensions[_KEYS](known.header, {})  # raises where the key is no longer accepted
    else:
        header = _check_form(token)
        known = VerifiedToken(header, read(token, header))
        memory.remember(token, known)
    if known.is_over:
        raise TokenExpired
    return known


def _check_form(token: str) -> Header:
    try:
        return token_form.check(token, current_app.config["JWT_DECODE_ISSUER"])
    except token_form.NotOurForm as error:
        raise TokenInvalid(token_form.advice(f"Bearer {token}")) from error


def _read_from_request(_token: str, _header: Header) -> dict[str, Any]:
    verify_jwt_in_request()
    claims: dict[str, Any] = get_jwt()
    return claims


def _read(token: str, header: Header) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            current_app.extensions[_KEYS](header, {}),
            algorithms=[header["alg"]],
            audience=tokens.AUDIENCE,
            issuer=current_app.config["JWT_DECODE_ISSUER"],
            leeway=LEEWAY_SECONDS,
        )
    except ExpiredSignatureError as error:
        raise TokenExpired from error
    except PyJWTError as error:
        raise TokenInvalid from error
    return claims


def _answer(error: errors.ApiError) -> Response:
    return errors.problem_response(error)
