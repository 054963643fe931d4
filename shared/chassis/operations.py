"""What the OpenAPI document says of an operation beyond its schemas: who may call it, its headers and errors.

A service lists the codes of its own errors by operation (``python -m deploy.docs`` writes that list); what
follows from an operation's access, headers and parameters is added here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from shared.chassis import access, access_tokens, errors, service_tokens
from shared.chassis.idempotency_errors import (
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    IdempotentRequestRunning,
)
from shared.chassis.pagination import CursorOfAnotherQuery

Document = dict[str, Any]
CODES = "x-doorward-codes"
WAITS = (429, 503)  # statuses that tell when to try again
RETRY_AFTER: Document = {
    "description": "How many seconds to wait before the next attempt.",
    "schema": {"type": "integer", "minimum": 1},
}
IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "A new value for each action, at most 255 printable ASCII characters (for example a UUID). If it is "
        "sent again with the same key and body, it is done once and gets the same answer for a day."
    ),
    "schema": {"type": "string"},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
BEARER: Document = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token, from `POST /api/v1/auth/login` or `POST /api/v1/auth/refresh`.",
}
ACCESS = {
    "public": "No token is needed.",
    "internal": "For Doorward's own processes only.",
    "signed_in": "For everybody who is signed in; an API key needs the scope `account`.",
    "role": "For accounts with the role `{name}`.",
    "signed_in_or_role": "For everybody who is signed in; accounts with the role `{name}` may do more.",
    "scope": "For API keys with the scope `{name}`, and for administrators.",
    "narrowable_scope": "For API keys with the scope `{name}`, or `{name}:<name>`, and for administrators.",
}


class Refusal(NamedTuple):
    """An error as the document describes it."""

    status: int
    code: str
    detail: str

    @classmethod
    def of(cls, kind: type[errors.ApiError]) -> "Refusal":
        """The refusal that an error class answers with."""
        return cls(kind.status, kind.code, kind.detail)


INVALID_JSON = Refusal(400, "invalid_json", errors.INVALID_JSON)
UNSUPPORTED = Refusal(415, *errors.FRAMEWORK_CODES[415])


def describe(
    operation: Document, view: Callable[..., Any], refusals: Iterable[Refusal], *, example: Any
) -> None:
    """Add to ``operation`` what ``view`` says of itself, its own ``refusals``, and an example of its body."""
    rule: access.Access = getattr(view, "access", access.Access("public"))
    kind = "narrowable_scope" if rule.is_narrowable else rule.kind
    text = "" if _judges_itself(operation, rule) else ACCESS[kind].format(name=rule.name)
    operation["description"] = "\n\n".join(filter(None, [operation.get("description"), text]))
    if is_idempotent(view):
        operation["parameters"] = [*operation.get("parameters", []), IDEMPOTENCY_KEY]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if example is not None:
            content["example"] = example
    add_errors(operation["responses"], {*_usual(operation, rule, view), *refusals})
    responses = operation["responses"]
    responses["default"] = responses.pop("default")  # the last one, where people read


def _judges_itself(operation: Document, rule: access.Access) -> bool:
    """Whether anybody may call the operation, which takes a token and decides by itself."""
    return rule.kind == "public" and {"bearer": []} in operation.get("security", [])


def is_idempotent(view: Callable[..., Any]) -> bool:
    """Whether the view honours Idempotency-Key."""
    return getattr(view, "is_idempotent", False)


def add_errors(responses: Document, refusals: Iterable[Refusal]) -> None:
    """Describe ``refusals`` in ``responses``: one response for each status, with its codes."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for status, code, detail in sorted(refusals):
        response = responses.setdefault(str(status), {"description": ""})
        codes = response.setdefault(CODES, [])
        if code in codes or "$ref" in response:
            continue
        codes.append(code)
        response["description"] = f"{response['description']}\n- `{code}`: {detail}".strip()
        response.setdefault("content", {errors.PROBLEM_TYPE: problem})
        if status in WAITS:
            response.setdefault("headers", {})["Retry-After"] = RETRY_AFTER


def _usual(operation: Document, rule: access.Access, view: Callable[..., Any]) -> Iterator[Refusal]:
    """What follows from how the operation is called."""
    if rule.kind == "internal":
        yield Refusal.of(service_tokens.ServiceTokenInvalid)
    elif rule.kind != "public" or _judges_itself(operation, rule):
        kinds = (access_tokens.TokenMissing, access_tokens.TokenInvalid, access_tokens.TokenExpired)
        yield from map(Refusal.of, (*kinds, access_tokens.TokenRevoked))
        yield Refusal.of(access.RoleRequired if rule.kind == "role" else access.ScopeRequired)
    if is_idempotent(view):
        kinds_of_keys = (IdempotencyKeyInvalid, IdempotencyKeyReused, IdempotentRequestRunning)
        yield from map(Refusal.of, kinds_of_keys)
    names = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
    types = operation.get("requestBody", {}).get("content", {})
    if names or types:
        yield Refusal.of(errors.InvalidRequest)
    if "cursor" in names:
        yield Refusal.of(CursorOfAnotherQuery)
    if any(name.endswith("json") for name in types):
        yield from (INVALID_JSON, UNSUPPORTED)


def known_refusals(passed_on: Mapping[str, tuple[int, str]]) -> dict[str, Refusal]:
    """The errors that this process declares, and those that it passes on from another one, by code."""
    own = {kind.code: Refusal.of(kind) for kind in errors.all_errors()}
    return {code: Refusal(status, code, detail) for code, (status, detail) in passed_on.items()} | own
