"""One request on its way through the gateway: what the parts learn of it and pass on."""

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from flask import Request
from flask.ctx import RequestContext
from flask.globals import _cv_app, _cv_request
from flask.sessions import NullSession
from flask.signals import appcontext_pushed

from gateway.environ import environ_of
from gateway.limits.counting import Verdict
from gateway.messages import Receive, Scope
from gateway.request_body import RequestBody
from gateway.routing import Match
from gateway.tokens import Identity
from shared.chassis import tracing
from shared.chassis.access import Caller
from shared.chassis.errors import ApiError
from shared.chassis.tracing import Trace

if TYPE_CHECKING:
    from gateway.asgi import AsgiFlask

_NO_SESSION = NullSession()


@dataclass(slots=True)
class Exchange:
    """A request that the route table takes, and what has become of it so far."""

    scope: Scope
    receive: Receive
    trace: Trace
    match: Match | None = None
    host: str = ""
    address: str = ""
    protocol: str = "http"
    origin: str | None = None
    authorization: bytes | None = None
    api_key: bytes | None = None
    upgrade: bytes | None = None
    doubled: bytes | None = None  # the name of a field that comes twice and must not
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
    started_at: float = field(default_factory=monotonic)
    upstream: str | None = None
    upstream_seconds: float = 0.0
    limiter_seconds: float = 0.0  # spent on limits, waiting for Redis included
    held_seconds: float = 0.0  # for the client's body, before an upstream was asked
    overhead_seconds: float = 0.0
    retries: int = 0
    is_preflight: bool = False


class EdgeContext(RequestContext):
    """Flask's request context for an exchange: routed by our table, without a session.

    ``flask.request`` is only built when somebody looks at it. Flask's own context would match the URL map,
    open a session and parse the headers first, for most requests in vain, and that is most of its cost.
    """

    def __init__(self, app: "AsgiFlask", exchange: Exchange) -> None:
        self.app = app
        self.exchange = exchange
        self.url_adapter = None
        self.flashes = None
        self._session = _NO_SESSION
        self._request: Request | None = None
        self._after_request_functions: list[Any] = []
        self._cv_tokens = []
        self._tokens: tuple[Any, Any] | None = None
        self.has_teardowns = True  # of others than the chassis

    @property
    def request(self) -> Request:  # type: ignore[override]  # Flask has an attribute here
        """The request, as Flask has it."""
        if self._request is None:
            exchange = self.exchange
            environ = environ_of(exchange.scope, exchange.receive)
            environ["REMOTE_ADDR"], environ["wsgi.url_scheme"] = exchange.address, exchange.protocol
            request = self._request = self.app.request_class(environ)
            request.json_module = self.app.json
            request.url_rule = exchange.match.rule if exchange.match else None
            request.view_args = {}
        return self._request

    def push(self) -> None:
        """Make this the current context."""
        app_context = self.app.app_context()
        self._tokens = (_cv_app.set(app_context), _cv_request.set(self))
        tracing.adopt(self.exchange.trace)
        if appcontext_pushed.receivers:
            appcontext_pushed.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: BaseException | None = None) -> None:
        """Run the teardown functions that there are, and end being the current context."""
        app = self.app
        try:
            if self.has_teardowns:
                app.do_teardown_request(exc)
            if app.teardown_appcontext_funcs:
                app.do_teardown_appcontext(exc)
        finally:
            assert self._tokens is not None  # noqa: S101  (pushed before)
            _cv_request.reset(self._tokens[1])
            _cv_app.reset(self._tokens[0])
