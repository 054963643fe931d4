"""Access: who may call a route, by roles, roles in an organization, and scopes (RFC 6750)."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from gateway.policies.policy import Policy
from gateway.values import STRICT, ListedSet, Name
from shared.chassis.access import Caller, OrganizationRoleRequired, RoleRequired, ScopeRequired
from shared.chassis.access_tokens import TokenMissing

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.explanation import Asked


INSUFFICIENT = {"WWW-Authenticate": 'Bearer realm="doorward", error="insufficient_scope"'}


@dataclass(frozen=True, slots=True, config=STRICT)
class AccessRule:
    """Who may call: anybody, anybody signed in, or accounts with one of the roles and all of the scopes.

    With ``org_roles`` the session also works for an organization in which the account has one of these roles.
    """

    kind: Literal["public", "signed in"] = "signed in"
    roles: ListedSet[Name] = frozenset()
    org_roles: ListedSet[Literal["owner", "admin", "member"]] = frozenset()
    scopes: ListedSet[Annotated[str, Field(pattern=r"^[a-z:_.-]+$")]] = frozenset()

    @property
    def is_public(self) -> bool:
        """Whether a request without a token may pass."""
        return self.kind == "public"

    def __str__(self) -> str:
        parts: list[str] = [self.kind]
        parts += [f"role {' or '.join(sorted(self.roles))}"] if self.roles else []
        parts += [f"organization role {' or '.join(sorted(self.org_roles))}"] if self.org_roles else []
        parts += [f"scope {' and '.join(sorted(self.scopes))}"] if self.scopes else []
        return ", ".join(parts)


def access_rule(value: object) -> object:
    """What ``access = "public"`` is short for."""
    return {"kind": value} if isinstance(value, str) else value


class AccessPolicy(Policy):
    """Refuses who may not call: 401 without a token that is good, 403 without a role or scope."""

    name = "access"

    def __init__(self, rule: AccessRule) -> None:
        self._rule = rule
        self._is_public = rule.is_public
        self._has_demands = bool(rule.roles or rule.org_roles or rule.scopes)

    def describe(self) -> str:
        """Who may call."""
        return str(self._rule)

    def foresee(self, request: "Asked") -> str:
        """Whether a token is there."""
        if self._rule.is_public:
            return ""
        key = request.field(b"x-api-key") or request.field(b"authorization") or ""
        if request.field(b"x-api-key") or key.lower().startswith("bearer dwk_"):
            return "an API key is there, which auth would be asked for a token for"
        return "a token is there, not verified here" if key else "401 token_missing without a token"

    def check(self, exchange: "Exchange") -> None:
        """Raise what spoke against the caller before, or that a role or scope is missing."""
        if exchange.identity is not None:
            exchange.resources.tokens.remember(exchange.identity)
        if exchange.refusal is not None:
            raise exchange.refusal
        if self._is_public:
            return
        if exchange.caller is None:
            raise TokenMissing
        if self._has_demands:
            check_access(self._rule, exchange.caller)


def check_access(rule: AccessRule, caller: Caller) -> None:
    """Raise unless ``caller`` may use the route (RFC 6750 section 3.1).

    RoleRequired, OrganizationRoleRequired or ScopeRequired.
    """
    if rule.roles and not rule.roles & caller.roles:
        raise RoleRequired(headers=INSUFFICIENT)
    if rule.org_roles and (caller.organization is None or caller.organization.role not in rule.org_roles):
        raise OrganizationRoleRequired(headers=INSUFFICIENT)
    if rule.scopes and not _has_scopes(rule, caller):
        scope = " ".join(sorted(rule.scopes))
        challenge = f'Bearer realm="doorward", error="insufficient_scope", scope="{scope}"'
        raise ScopeRequired(headers={"WWW-Authenticate": challenge})


def _has_scopes(rule: AccessRule, caller: Caller) -> bool:
    return caller.is_admin if caller.scopes is None else rule.scopes <= caller.scopes
