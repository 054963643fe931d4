"""What happens to a request of the route table, in order: CORS, token, limits, access, forwarding."""

from flask import Response

from gateway import proxy
from gateway.asgi import StreamedResponse
from gateway.exchange import Exchange
from gateway.routing import Table
from gateway.upstream.replicas import Service


class Pipeline:
    """The policies at work on one worker."""

    def __init__(self, table: Table, services: dict[str, Service]) -> None:
        self.table = table
        self.services = services

    async def answer(self, exchange: Exchange) -> Response:
        """The answer to ``exchange``; raises the ApiError that refuses it."""
        if exchange.refusal is not None:
            raise exchange.refusal
        match = exchange.match
        assert match is not None  # noqa: S101  (an exchange has a match or a refusal)
        return await proxy.forward(exchange, self.services[match.route.upstream])

    def finish(self, exchange: Exchange, response: Response) -> None:
        """Add to ``response`` what the policies say about it."""
        fields = [(b"x-request-id", exchange.trace.request_id.encode())]
        if isinstance(response, StreamedResponse):
            response.add_fields(fields)
        else:
            response.headers.extend((name.decode(), value.decode("latin-1")) for name, value in fields)
