"""Which address a client probably meant where there is nothing: the same with the version of the API."""

from gateway.exchange import Exchange
from gateway.route_search import without_port
from gateway.routing import Table
from shared.chassis.errors import ApiError, NotFound

VERSION = b"/api/v1"
# What clients write in the place of it.
_INSTEAD = (b"/api", b"/v1", b"")


def hinted(refusal: ApiError | None, exchange: Exchange, table: Table) -> ApiError | None:
    """The refusal, or a better one where a route takes an address that is nearly the same."""
    if refusal is None or refusal.status != NotFound.status:
        return refusal
    scope = exchange.scope
    meant = near_miss(table, without_port(exchange.host), scope["method"], scope["raw_path"])
    if meant is None:
        return refusal
    return NotFound(f"There is nothing at this address; did you mean {meant}?")


def near_miss(table: Table, host: str, method: str, raw_path: bytes) -> str | None:
    """The path that a route takes for this method; None where there is none either."""
    for beginning in _INSTEAD:
        if raw_path.startswith(beginning + b"/"):
            path = VERSION + raw_path.removeprefix(beginning)
            if table.find(host, method, path) is not None:
                return path.decode("ascii", "replace")
    return None
