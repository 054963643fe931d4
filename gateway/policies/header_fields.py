"""Header fields by route: which pass beside the usual ones, which are written, which left out."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from gateway.messages import RawHeaders
from gateway.policies.policy import Policy
from gateway.values import STRICT, HeaderName, ListedSet

if TYPE_CHECKING:
    from gateway.exchange import Exchange

# Fields that frame a message, or that the gateway answers for: no rule may touch them.
_FRAMING = (
    "connection content-length date expect forwarded host http2-settings keep-alive "
    "proxy-authenticate proxy-authorization proxy-connection ratelimit ratelimit-policy te "
    "token-delivery traceparent tracestate trailer transfer-encoding upgrade vary via x-api-key "
    "x-request-deadline x-request-id"
)
RESERVED = frozenset(_FRAMING.split())
CREDENTIALS = frozenset({"authorization", "cookie"})  # which a rule may leave out, and nothing else
# A value without control characters, and nothing that begins or ends with a blank (RFC 9110 section 5.5).
_VALUE = re.compile(r"[!-~\x80-\U0010ffff]([ \t!-~\x80-\U0010ffff]*[!-~\x80-\U0010ffff])?")


def _removable(name: str) -> str:
    name = name.lower()
    if name in RESERVED or name.startswith(("x-forwarded-", "access-control-")):
        raise ValueError(f"{name} is the gateway's own to write")
    return name


def _free(name: str) -> str:
    if _removable(name) in CREDENTIALS:
        raise ValueError(f"{name} can be removed, and nothing else")
    return name.lower()


RemovableName = Annotated[HeaderName, AfterValidator(_removable)]
FreeName = Annotated[HeaderName, AfterValidator(_free)]
Value = Annotated[str, Field(pattern=rf"^{_VALUE.pattern}$", max_length=4_000)]
Claims = dict[FreeName, Annotated[str, Field(pattern=r"^[A-Za-z0-9_:./-]+$")]]


@dataclass(frozen=True, slots=True, config=STRICT)
class HeaderRules:
    """What is done with the fields of a route's requests, or of its answers."""

    allow: ListedSet[FreeName] = frozenset()  # to pass although they are left out by default
    set: dict[FreeName, Value] = field(default_factory=dict)  # in the place of what was there
    remove: ListedSet[RemovableName] = frozenset()

    def __str__(self) -> str:
        parts = [f"allow {name}" for name in sorted(self.allow)]
        parts += [f"set {name}: {value}" for name, value in self.set.items()]
        parts += [f"remove {name}" for name in sorted(self.remove)]
        return ", ".join(parts)


class CompiledRules:
    """Rules at work on fields as they are on the wire."""

    __slots__ = ("_left_out", "allowed", "written")

    def __init__(self, rules: HeaderRules, claims: Mapping[str, str]) -> None:
        self.allowed = frozenset(name.encode() for name in rules.allow)
        self.written: RawHeaders = [(name.encode(), value.encode()) for name, value in rules.set.items()]
        # What the gateway writes must not come from anybody else, token or not.
        self._left_out = frozenset(name.encode() for name in (*rules.remove, *rules.set, *claims))

    def kept(self, fields: RawHeaders) -> RawHeaders:
        """The fields that no rule leaves out or writes."""
        return [pair for pair in fields if pair[0] not in self._left_out]


class HeaderPolicy(Policy):
    """Lets other fields pass, writes some and leaves some out, in requests and in answers."""

    name = "header fields"

    def __init__(self, request: HeaderRules, response: HeaderRules, claims: Mapping[str, str]) -> None:
        self._texts = {
            "request": str(request),
            "claims": ", ".join(f"{field}: {claim}" for field, claim in claims.items()),
            "response": str(response),
        }
        self.request = _compiled(request, claims)
        self.response = _compiled(response, {})

    def describe(self) -> str:
        """The rules."""
        return "; ".join(f"{kind}: {text}" for kind, text in self._texts.items() if text)

    def finish(self, exchange: "Exchange", fields: RawHeaders) -> None:
        """Write the route's own fields."""
        if self.response is not None:
            fields += self.response.written


def _compiled(rules: HeaderRules, claims: Mapping[str, str]) -> CompiledRules | None:
    """The rules at work; None where there are none."""
    return CompiledRules(rules, claims) if str(rules) or claims else None


def claim_fields(wanted: Mapping[str, str], claims: Mapping[str, Any]) -> RawHeaders:
    """The fields that tell a service what the caller's token says; claims that are not there are left out."""
    fields: RawHeaders = []
    for name, claim in wanted.items():
        text = _text(claims.get(claim))
        if text is not None and _VALUE.fullmatch(text):
            fields.append((name.encode(), text.encode()))
    return fields


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
