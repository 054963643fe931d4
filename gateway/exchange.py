"""One request on its way through the gateway: what the parts learn of it and pass on."""

from time import monotonic

from gateway.limits.counting import Verdict
from gateway.messages import Answer, Receive, Scope
from gateway.request_body import RequestBody
from gateway.resources import Resources
from gateway.routing import Match
from gateway.sockets.opening import Opening
from gateway.sockets.relay import SocketRelay
from gateway.tokens import Identity
from shared.chassis.access import Caller
from shared.chassis.errors import ApiError
from shared.chassis.tracing import Trace


class Exchange:
    """A request that the route table takes, and what has become of it so far."""

    __slots__ = (
        "address",
        "announces_body",
        "answer",
        "api_key",
        "api_key_id",
        "asks_for_socket",
        "authorization",
        "body",
        "caller",
        "delivery",
        "doubled",
        "fetch_site",
        "has_cookies",
        "held_seconds",
        "host",
        "identity",
        "is_by_cookie",
        "is_preflight",
        "issued",
        "limiter_seconds",
        "match",
        "opening",
        "origin",
        "overhead_seconds",
        "protocol",
        "receive",
        "refusal",
        "relay",
        "resources",
        "retries",
        "scope",
        "socket_of",
        "started_at",
        "trace",
        "upstream",
        "upstream_seconds",
        "verdicts",
    )

    def __init__(self, scope: Scope, receive: Receive, trace: Trace) -> None:
        self.scope = scope
        self.receive = receive
        self.trace = trace
        self.resources: Resources = None  # type: ignore[assignment]  # until the pipeline has it
        self.match: Match | None = None
        self.started_at = monotonic()
        # -- what its head says
        self.host = self.address = ""
        self.protocol = "http"
        self.origin: str | None = None
        self.authorization: bytes | None = None
        self.api_key: bytes | None = None
        self.doubled: bytes | None = None  # the name of a field that comes twice and must not
        self.announces_body = True
        self.has_cookies = False
        self.fetch_site: bytes | None = None  # what the browser says of the page that asks (Fetch Metadata)
        self.delivery: bytes | None = None  # how the client wants its tokens
        # -- who sends it
        self.is_by_cookie = False  # whether the Authorization was made of a cookie
        self.issued: bytes | None = None  # the Authorization made of an API key or a cookie
        self.caller: Caller | None = None
        self.identity: Identity | None = None  # what the caller's token says
        self.api_key_id: str | None = None
        # -- what becomes of it
        self.refusal: ApiError | None = None
        self.is_preflight = False
        self.verdicts: list[Verdict] = []  # of the limits that were counted
        self.body: RequestBody | None = None
        self.answer: Answer | None = None  # once there is one
        self.upstream: str | None = None
        self.upstream_seconds = 0.0
        self.limiter_seconds = 0.0  # spent on limits, waiting for Redis included
        self.held_seconds = 0.0  # for the client's body, before an upstream was asked
        self.overhead_seconds = 0.0
        self.retries = 0
        # -- as a WebSocket
        self.asks_for_socket = False  # by HTTP's Upgrade
        self.opening: Opening | None = None  # where that is a valid handshake
        self.socket_of: str | None = None  # whom it is counted for
        self.relay: SocketRelay | None = None  # once the socket is open
