"""One request on its way through the gateway: what the parts learn of it and pass on."""

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from gateway.limits.counting import Verdict
from gateway.messages import Answer, Receive, Scope
from gateway.request_body import RequestBody
from gateway.routing import Match
from gateway.sockets.opening import Opening
from gateway.sockets.relay import Relay
from gateway.tokens import Identity
from shared.chassis.access import Caller
from shared.chassis.errors import ApiError
from shared.chassis.tracing import Trace

if TYPE_CHECKING:
    from gateway.resources import Resources


@dataclass(slots=True)
class Exchange:
    """A request that the route table takes, and what has become of it so far."""

    scope: Scope
    receive: Receive
    trace: Trace
    resources: "Resources" = None  # type: ignore[assignment]  # until the pipeline has it
    match: Match | None = None
    host: str = ""
    address: str = ""
    protocol: str = "http"
    origin: str | None = None
    authorization: bytes | None = None
    api_key: bytes | None = None
    asks_for_socket: bool = False  # by HTTP's Upgrade
    opening: Opening | None = None  # of a WebSocket, where that is a valid handshake
    socket_of: str | None = None  # whom it is counted for
    relay: Relay | None = None  # once the socket is open
    doubled: bytes | None = None  # the name of a field that comes twice and must not
    announces_body: bool = True
    has_cookies: bool = False
    fetch_site: bytes | None = None  # what the browser says of the page that asks (Fetch Metadata)
    delivery: bytes | None = None  # how the client wants its tokens
    is_by_cookie: bool = False  # whether the Authorization was made of a cookie
    issued: bytes | None = None  # the Authorization made of an API key or a cookie
    refusal: ApiError | None = None
    caller: Caller | None = None
    identity: Identity | None = None  # what the caller's token says
    verdicts: list[Verdict] = field(default_factory=list)  # of the limits that were counted
    api_key_id: str | None = None
    body: RequestBody | None = None
    answer: Answer | None = None  # once there is one
    started_at: float = field(default_factory=monotonic)
    upstream: str | None = None
    upstream_seconds: float = 0.0
    limiter_seconds: float = 0.0  # spent on limits, waiting for Redis included
    held_seconds: float = 0.0  # for the client's body, before an upstream was asked
    overhead_seconds: float = 0.0
    retries: int = 0
    is_preflight: bool = False
