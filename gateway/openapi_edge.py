"""What the gateway adds to the services' OpenAPI: its policies, its credentials, its limits' answers."""

from typing import Any

from gateway.policies.policy import descriptions
from gateway.routing import Match
from shared.contracts.delivery import ACCESS_COOKIE

Document = dict[str, Any]


def with_edge(operation: Document, match: Match) -> Document:
    """``operation`` with what the gateway does to it."""
    route = match.route
    described = {**operation, "responses": dict(operation.get("responses", {}))}
    described["x-doorward-route"] = {
        "name": route.name,
        "policies": descriptions(match.acting.policies),
        "timeout_seconds": route.timeouts.total,
    }
    if _BEARER in operation.get("security", []):
        described["security"] = [*operation["security"], {"api_key": []}, {"cookie": []}]
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if match.limits:
        described["responses"]["429"] = {
            "description": f"A limit is reached: {'; '.join(str(limit) for limit in match.limits)}.",
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in LIMIT_HEADERS},
            "content": {"application/problem+json": problem},
        }
    return described


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
        "summary": f"{', '.join(names)} at once; parts that fail are named in `errors`.",
        "tags": [match.route.name],
        "security": [] if match.route.access.is_public else [_BEARER],
        "responses": {
            "200": {"description": "What could be had.", "content": {"application/json": {"schema": schema}}},
            "default": {
                "description": "Any error, as problem details (RFC 9457).",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }


_BEARER: Document = {"bearer": []}
# What the gateway takes beside a token, and makes one of.
OWN_SCHEMES: Document = {
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key; it needs the scope `account` to act for its owner.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": "Set by a sign-in with `Token-Delivery: cookie`; counts for pages of allowed origins.",
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
    "Retry-After": {
        "description": "When to come back, in seconds.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
