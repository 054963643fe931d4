"""The gateway's app: Flask for its own pages, in front of them the edge that all requests of clients meet."""

from collections.abc import Awaitable
from typing import Any

from gateway.asgi import AsgiFlask
from gateway.edge import Edge
from gateway.messages import Receive, Scope, Send
from gateway.pipeline import Pipeline
from gateway.readiness import Drain
from shared.serving.options import Options


class GatewayFlask(AsgiFlask):
    """The gateway's app: Flask for its own pages, an edge for all that comes from clients."""

    edge: Edge
    drain: Drain

    def __call__(self, scope: Any, receive: Any, send: Any = None) -> Any:
        """Serve one ASGI scope; with two arguments, which are WSGI's, one WSGI request."""
        if send is None:
            return super().__call__(scope, receive)
        return self.asgi_app(scope, receive, send)

    def asgi_app(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The ASGI application."""
        if scope["type"] == "lifespan":
            return self.live(receive, send)
        if not self.is_started:
            return self._start_and_serve(scope, receive, send)
        return self.edge.serve(scope, receive, send)

    async def _start_and_serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.started()
        await self.edge.serve(scope, receive, send)

    @property
    def pipeline(self) -> Pipeline:
        """What forwarded requests go through."""
        return self.edge.pipeline

    @property
    def serving_options(self) -> Options:
        """How the server treats the clients."""
        return self.edge.serving_options

    def begin_drain(self) -> None:
        """Say in ``/readyz`` that this worker is about to stop; requests are still answered."""
        self.drain.has_begun = True
