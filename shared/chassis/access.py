"""Who may call a route: each route states it, directly below its route decorator.

    @blueprint.get("/me")
    @signed_in
    @blueprint.response(200, ProfileSchema)
    def show(): ...

flask-jwt-extended verifies the caller's own access token in every service: signature by ``kid``,
algorithm, issuer, audience, type and time. Nothing that a proxy might have written is trusted.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import Flask, Response, current_app, g
from flask_jwt_extended import JWTManager, get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import InvalidHeaderError

from shared.chassis import errors, service_tokens
from shared.chassis.settings import ProcessSettings
from shared.chassis.signing_keys import ALGORITHM, key_id, keys_by_id
from shared.contracts import tokens

View = TypeVar("View", bound=Callable[..., Any])


class TokenMissing(errors.Unauthorized):
    """The route needs a signed-in caller and no token came."""

    code = "token_missing"
    detail = "Send an access token in the Authorization header."


class TokenInvalid(errors.Unauthorized):
    """The token is not one of ours, or is not meant for this use."""

    code = "token_invalid"
    detail = "This access token is not valid."


class TokenExpired(errors.Unauthorized):
    """The access token's time is over; a refresh gives the next."""

    code = "token_expired"
    detail = "This access token has expired; refresh it."


class TokenRevoked(errors.Unauthorized):
    """The session behind the token has ended."""

    code = "token_revoked"
    detail = "The session of this token has ended; sign in again."


class RoleRequired(errors.Forbidden):
    """The caller lacks the role that the route asks for."""

    code = "role_required"
    detail = "This account does not have the role that this needs."


class ScopeRequired(errors.Forbidden):
    """The caller's token or API key lacks the scope that the route asks for."""

    code = "scope_required"
    detail = "This token does not have the scope that this needs."


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever the verified access token speaks for."""

    account_id: UUID
    session_id: UUID | None
    roles: frozenset[str]
    scopes: frozenset[str] | None  # None: a person's own session, not narrowed by scopes
    claims: dict[str, Any]

    @property
    def is_admin(self) -> bool:
        """Whether the caller administrates accounts."""
        return "admin" in self.roles


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its caller; read by the guard, the documentation and the tests."""

    kind: str  # public, signed_in, role, scope, internal
    name: str | None = None


def caller_from(claims: dict[str, Any]) -> Caller:
    """The caller that verified claims describe; raises TokenInvalid where they are not ours."""
    scope = claims.get(tokens.SCOPE)
    session_id = claims.get(tokens.SESSION)
    try:
        return Caller(
            account_id=UUID(claims[tokens.SUBJECT]),
            session_id=UUID(session_id) if session_id else None,
            roles=frozenset(claims.get(tokens.ROLES, ())),
            scopes=None if scope is None else frozenset(scope.split()),
            claims=claims,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise TokenInvalid from error


def caller() -> Caller:
    """The caller of the request that is being handled; the route must have asked for one."""
    return cast("Caller", g.caller)


def _authenticate() -> Caller:
    try:
        verify_jwt_in_request()
    except InvalidHeaderError as error:
        raise TokenInvalid from error
    g.caller = caller_from(get_jwt())
    return caller()


def _check(access: Access) -> None:
    if access.kind == "public":
        return
    if access.kind == "internal":
        g.calling_service = service_tokens.verify_request(current_app)
        return
    who = _authenticate()
    if access.kind == "signed_in" and who.scopes is not None and tokens.OWN_ACCOUNT_SCOPE not in who.scopes:
        raise ScopeRequired
    if access.kind == "role" and access.name not in who.roles:
        raise RoleRequired
    if access.kind == "scope" and not _may(who, cast("str", access.name)):
        raise ScopeRequired


def _may(who: Caller, scope: str) -> bool:
    """An API key by its scopes; a person's own session only as an administrator."""
    return who.is_admin if who.scopes is None else scope in who.scopes


def _guard(access: Access) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            _check(access)
            return current_app.ensure_sync(view)(*args, **kwargs)

        documented = cast("Any", guarded)
        documented.access = access
        documented._apidoc = deepcopy(getattr(view, "_apidoc", {}))
        security: list[dict[str, list[str]]] = [] if access.kind == "public" else [{"bearer": []}]
        documented._apidoc.setdefault("manual_doc", {})["security"] = security
        return cast("View", guarded)

    return decorate


def public(view: View) -> View:
    """Anybody may call."""
    return _guard(Access("public"))(view)


def signed_in(view: View) -> View:
    """Anybody with a valid access token may call; a program's only with the scope ``account``."""
    return _guard(Access("signed_in"))(view)


def internal(view: View) -> View:
    """Only another Doorward process may call, with a service token."""
    return _guard(Access("internal"))(view)


def requires_role(role: str) -> Callable[[View], View]:
    """Only accounts with ``role`` may call."""
    return _guard(Access("role", role))


def requires_scope(scope: str) -> Callable[[View], View]:
    """API keys with ``scope`` may call, and administrators."""
    return _guard(Access("scope", scope))


def install(app: Flask, settings: ProcessSettings) -> JWTManager:
    """Set flask-jwt-extended up: what a token must be, and our errors where it is not."""
    secrets = keys_by_id(settings.accepted_secrets)
    app.config.update(
        JWT_SECRET_KEY=settings.accepted_secrets[0],
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ENCODE_ISSUER=tokens.ISSUER,
        JWT_DECODE_ISSUER=tokens.ISSUER,
        JWT_ENCODE_AUDIENCE=tokens.AUDIENCE,
        JWT_DECODE_AUDIENCE=tokens.AUDIENCE,
    )
    service_tokens.install(app, settings)
    manager = JWTManager(app)

    def find_key(header: dict[str, Any], _claims: dict[str, Any]) -> str:
        secret = secrets.get(str(header.get("kid")))
        if secret is None:
            raise TokenInvalid
        return secret

    manager.decode_key_loader(find_key)
    manager.token_verification_loader(lambda header, _claims: header.get("typ") == tokens.ACCESS_TYPE)
    manager.unauthorized_loader(lambda _reason: _answer(TokenMissing()))
    manager.invalid_token_loader(lambda _reason: _answer(TokenInvalid()))
    manager.expired_token_loader(lambda _header, _claims: _answer(TokenExpired()))
    manager.revoked_token_loader(lambda _header, _claims: _answer(TokenRevoked()))
    manager.token_verification_failed_loader(lambda _header, _claims: _answer(TokenInvalid()))
    manager.user_lookup_error_loader(lambda _header, _claims: _answer(TokenInvalid()))
    app.extensions["doorward_key_id"] = key_id(settings.accepted_secrets[0])
    return manager


def _answer(error: errors.ApiError) -> Response:
    if isinstance(error, errors.Unauthorized) and not isinstance(error, TokenMissing):
        error.headers["WWW-Authenticate"] = 'Bearer realm="doorward", error="invalid_token"'
    return errors.problem_response(error)
