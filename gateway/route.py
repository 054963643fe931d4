"""A route of the route file: plain values that check themselves; ``route_file`` reports what does not fit."""

from dataclasses import field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from gateway.policies.access import AccessRule, access_rule
from gateway.policies.header_fields import Claims, HeaderRules
from gateway.policies.websocket import WebSocketRule, websocket_rule
from gateway.values import METHODS, STRICT, Listed, ListedSet, Method, Name, Path, Seconds, Whole

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True, config=STRICT)
class Timeouts:
    """How long an upstream may take, in seconds: to connect, between two reads, and in total."""

    connect: Seconds = 2.0
    read: Seconds = 30.0
    total: Seconds = 60.0


@dataclass(frozen=True, slots=True, config=STRICT)
class Part:
    """One question of a route that asks several services at once."""

    upstream: str
    path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)+([?][A-Za-z0-9._~=&-]*)?$")]
    pick: str | None = None  # the member of the answer that is wanted; the whole without


@dataclass(frozen=True, slots=True, config=STRICT)
class Route:
    """One line of the table: which requests it takes, and everything that is done with them."""

    name: Name
    prefix: Annotated[Listed[Path], Field(min_length=1)]
    upstream: str
    host: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")] | None = None
    methods: ListedSet[Method] = METHODS
    exact: bool = False
    case_sensitive: bool = True  # false: the service takes capital and small letters for the same
    strip_prefix: bool = False
    rewrite_prefix: Path | None = None
    access: Annotated[AccessRule, BeforeValidator(access_rule)] = field(default_factory=AccessRule)
    limits: Listed[str] = ()
    cors: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Annotated[Whole, Field(ge=0, le=3)] = 1
    max_body_bytes: Annotated[Whole, Field(ge=0, le=10**12)] = 1_048_576
    request: HeaderRules = field(default_factory=HeaderRules)
    response: HeaderRules = field(default_factory=HeaderRules)
    claims: Claims = field(default_factory=dict)  # what of the token the service is told, by field
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)  # of a team's own, by their names
    parts: dict[Name, Part] = field(default_factory=dict)  # asked instead of forwarding
    websocket: Annotated[WebSocketRule | None, BeforeValidator(websocket_rule)] = None  # without: none

    @model_validator(mode="after")
    def _websockets_have_a_way(self) -> "Route":
        if self.websocket is not None and ("GET" not in self.methods or self.parts):
            raise ValueError("websocket needs the method GET, and one service that is asked")
        return self
