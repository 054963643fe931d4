"""Who may call a route: each route states it, directly below its route decorator.

    @blueprint.get("/me")
    @signed_in
    @blueprint.response(200, ProfileSchema)
    def show(): ...

Every service verifies the caller's own access token (``access_tokens``). Nothing that a proxy might have
written is trusted.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import current_app, g

from shared.chassis import access_tokens, errors, service_tokens
from shared.chassis.access_tokens import TokenInvalid
from shared.chassis.clock import utcnow
from shared.chassis.ids import parse_id
from shared.contracts import tokens

View = TypeVar("View", bound=Callable[..., Any])


class RoleRequired(errors.Forbidden):
    """The caller does not have the required role."""

    code = "role_required"
    detail = "This account does not have the required role."


class ScopeRequired(errors.Forbidden):
    """The caller's token or API key does not have the required scope."""

    code = "scope_required"
    detail = "This token does not have the required scope."


class OrganizationRoleRequired(errors.Forbidden):
    """The caller does not have the required role in the organization."""

    code = "organization_role_required"
    detail = "Your role in the organization does not allow this."


class FreshSignInRequired(errors.Forbidden):
    """The operation requires that a person signed in within the last minutes."""

    code = "fresh_sign_in_required"
    detail = "Sign in again to do this: the last sign-in was too long ago."


@dataclass(frozen=True, slots=True)
class ActiveOrganization:
    """The organization that a session works for, and the account's role in it."""

    id: UUID
    role: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever the verified access token speaks for."""

    account_id: UUID
    session_id: UUID | None
    roles: frozenset[str]
    scopes: frozenset[str] | None  # None: a person's own session, not narrowed by scopes
    claims: dict[str, Any]
    organization: ActiveOrganization | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the caller administrates accounts."""
        return "admin" in self.roles

    def narrowed_to(self, scope: str) -> frozenset[str] | None:
        """The names behind ``scope:`` in a key's scopes, which it is confined to; None: it is not."""
        if self.scopes is None or scope in self.scopes:
            return None
        behind = f"{scope}:"
        return frozenset(one.removeprefix(behind) for one in self.scopes if one.startswith(behind)) - {""}


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its caller; read by the guard, the documentation and the tests."""

    kind: str  # public, signed_in, role, signed_in_or_role, scope, internal
    name: str | None = None
    is_narrowable: bool = False  # `scope:anything` is enough: the view asks what the caller is narrowed to


def caller_from(claims: dict[str, Any]) -> Caller:
    """The caller that verified claims describe; raises TokenInvalid where they are not ours."""
    scope = claims.get(tokens.SCOPE)
    session_id = claims.get(tokens.SESSION)
    try:
        return Caller(
            account_id=parse_id(claims[tokens.SUBJECT]),
            session_id=parse_id(session_id) if session_id else None,
            roles=frozenset(claims.get(tokens.ROLES, ())),
            scopes=None if scope is None else frozenset(scope.split()),
            claims=claims,
            organization=_organization_in(claims),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise TokenInvalid from error


def _organization_in(claims: dict[str, Any]) -> ActiveOrganization | None:
    claimed = claims.get(tokens.ORGANIZATION)
    return None if claimed is None else ActiveOrganization(parse_id(claimed["id"]), str(claimed["role"]))


def caller() -> Caller:
    """The caller of the request that is being handled; the route must have asked for one."""
    return cast("Caller", g.caller)


def _authenticate() -> Caller:
    who = g.caller = caller_from(access_tokens.verify_request())
    return who


def _check(access: Access) -> None:
    if access.kind == "public":
        return
    if access.kind == "internal":
        g.calling_service = service_tokens.verify_request(current_app)
        return
    who = _authenticate()
    has_role = access.name in who.roles
    if access.kind == "role" and not has_role:
        raise RoleRequired
    if access.kind == "signed_in" and not _acts_for_its_account(who):
        raise ScopeRequired
    if access.kind == "signed_in_or_role" and not (has_role or _acts_for_its_account(who)):
        raise ScopeRequired
    if access.kind == "scope" and not _may(who, access):
        raise ScopeRequired


def _acts_for_its_account(who: Caller) -> bool:
    """A person's own session, and a program's key with the scope for that."""
    return who.scopes is None or tokens.OWN_ACCOUNT_SCOPE in who.scopes


def _may(who: Caller, access: Access) -> bool:
    """An API key by its scopes; a person's own session only as an administrator."""
    if who.scopes is None:
        return who.is_admin
    scope = cast("str", access.name)
    return scope in who.scopes or (access.is_narrowable and bool(who.narrowed_to(scope)))


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
        documented._apidoc.setdefault("manual_doc", {}).setdefault("security", security)
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


def signed_in_or_role(role: str) -> Callable[[View], View]:
    """Whoever ``signed_in`` or ``requires_role`` lets in may call; the view itself tells them apart."""
    return _guard(Access("signed_in_or_role", role))


def require_role(role: str) -> None:
    """In a view: raise RoleRequired where the caller has not the role."""
    if role not in caller().roles:
        raise RoleRequired


def require_fresh_sign_in(seconds: int) -> None:
    """In a view: raise FreshSignInRequired for a program, and where the sign-in is older than that."""
    who = caller()
    proven_at = who.claims.get(tokens.AUTHENTICATED_AT)
    if who.scopes is not None or not isinstance(proven_at, int) or proven_at < utcnow().timestamp() - seconds:
        raise FreshSignInRequired


def requires_scope(scope: str, *, is_narrowable: bool = False) -> Callable[[View], View]:
    """API keys with ``scope`` may call, and administrators.

    Where it is narrowable, keys with ``scope:NAME`` too; the view has to heed ``Caller.narrowed_to``.
    """
    return _guard(Access("scope", scope, is_narrowable))
