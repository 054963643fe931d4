"""What the gateway adds to the services' OpenAPI: its policies, its credentials, its limits' answers."""

from collections.abc import Iterator
from typing import Any

from gateway import errors
from gateway.api_keys import ApiKeyInvalid
from gateway.policies.policy import descriptions
from gateway.routing import Match
from shared.chassis import operations
from shared.chassis.access import OrganizationRoleRequired, RoleRequired, ScopeRequired
from shared.chassis.access_tokens import TokenExpired, TokenInvalid, TokenMissing, TokenRevoked
from shared.chassis.errors import ApiError, TooManyRequests
from shared.chassis.operations import Refusal
from shared.contracts.delivery import ACCESS_COOKIE

Document = dict[str, Any]


def with_edge(operation: Document, match: Match) -> Document:
    """``operation``, whose responses may be changed, with what the gateway does to it."""
    route = match.route
    described = {**operation}
    described["x-doorward-route"] = {
        "name": route.name,
        "policies": descriptions(match.acting.policies),
        "timeout_seconds": route.timeouts.total,
    }
    if _BEARER in operation.get("security", []):
        described["security"] = [*operation["security"], {"api_key": []}, {"cookie": []}]
    responses = described.setdefault("responses", {})
    operations.add_errors(responses, map(Refusal.of, _errors(match, has_body="requestBody" in operation)))
    if match.limits:
        limits = "; ".join(str(limit) for limit in match.limits)
        responses["429"]["description"] += f"\n\nLimits at the gateway: {limits}."
        responses["429"]["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in LIMIT_HEADERS
        }
    return described


def _errors(match: Match, *, has_body: bool) -> Iterator[type[ApiError]]:
    """What the gateway itself may answer, as far as it depends on the route."""
    rule = match.route.access
    yield from _UNAVAILABLE
    if not rule.is_public:
        yield from _TOKEN_ERRORS
    if rule.roles:
        yield RoleRequired
    if rule.scopes:
        yield ScopeRequired
    if rule.org_roles:
        yield OrganizationRoleRequired
    if has_body:
        yield errors.BodyTooLarge
    if match.limits:
        yield TooManyRequests


def gathered(match: Match) -> Document:
    """The operation of a route that the gateway answers from several services."""
    names = sorted(match.route.parts)
    parts: Document = {"type": "object", "properties": {name: {} for name in names}}
    faults: Document = {"type": "object", "additionalProperties": {"type": "object"}}
    schema: Document = {
        "type": "object",
        "required": ["data", "errors"],
        "properties": {"data": parts, "errors": faults},
    }
    return {
        "operationId": match.route.name.replace("-", "_"),
        "summary": f"Get {' and '.join(names)} in one request. `errors` names the parts that failed.",
        "tags": [match.route.name],
        "security": [] if match.route.access.is_public else [_BEARER],
        "responses": {
            "200": {
                "description": "The parts that were answered, and the error of each other one.",
                "content": {"application/json": {"schema": schema}},
            },
            "default": {
                "description": "Any other error, as problem details (RFC 9457).",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }


_BEARER: Document = {"bearer": []}
_UNAVAILABLE = (errors.UpstreamUnavailable,)
_TOKEN_ERRORS = (
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenRevoked,
    ApiKeyInvalid,
    errors.OriginNotAllowed,
)
# What the gateway takes beside a token, and makes one of.
OWN_SCHEMES: Document = {
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": (
            "An API key, from `POST /api/v1/auth/api-keys`. It may do what its scopes allow; with the scope "
            "`account` it acts for its owner. The gateway exchanges it for a short-lived access token."
        ),
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": "Set by a sign-in with `Token-Delivery: cookie`, for pages of allowed origins.",
    },
}
LIMIT_HEADERS: Document = {
    "RateLimit-Policy": {
        "description": "The quotas that apply: `q` units in `w` seconds each.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left: `r` units for another `t` seconds.",
        "schema": {"type": "string"},
    },
    "Retry-After": operations.RETRY_AFTER,
}
