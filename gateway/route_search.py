"""Which route takes a request, by its target, its host and its method, before anything else happens."""

from collections.abc import Collection
from functools import lru_cache

from gateway import errors, targets
from gateway.exchange import Exchange
from gateway.own_pages import HEALTH_PATHS
from gateway.routing import Match, Table
from gateway.sockets.opening import VERSION
from shared.chassis.errors import ApiError


def route_of(exchange: Exchange, table: Table, hosts: Collection[str]) -> Match | None:
    """The route, None where it may be a page of the gateway; raises what speaks against the request."""
    if exchange.doubled is not None:
        raise errors.FieldRepeated(field=exchange.doubled.decode("latin-1"))
    return _find(exchange, table, hosts)


def route_of_socket(exchange: Exchange, table: Table, hosts: Collection[str]) -> Match:
    """The route that lets a client speak WebSocket; raises what speaks against the handshake."""
    if exchange.doubled is not None:
        raise errors.FieldRepeated(field=exchange.doubled.decode("latin-1"))
    try:
        match = _find(exchange, table, hosts)
    except ApiError:
        match = None
    if match is None or match.route.websocket is None:
        raise errors.UpgradeNotSupported
    if exchange.scope["type"] == "websocket":
        return match
    version = dict(exchange.scope["headers"]).get(b"sec-websocket-version")
    if version is not None and version != VERSION.encode():
        raise errors.SocketVersionUnknown(headers={"Sec-WebSocket-Version": VERSION, "Upgrade": "websocket"})
    raise errors.HandshakeInvalid


def _find(exchange: Exchange, table: Table, hosts: Collection[str]) -> Match | None:
    scope = exchange.scope
    targets.check(scope["raw_path"], scope["query_string"])
    host = without_port(exchange.host)
    if host not in hosts:
        # Health is asked for by whoever runs this process, at an address that no setting names (a pod's).
        if scope["path"] in HEALTH_PATHS:
            return None
        raise errors.HostNotAllowed
    match = table.find(host, scope["method"], scope["raw_path"])
    if match is None and (methods := table.methods_at(host, scope["raw_path"])):
        raise errors.MethodNotAllowed(headers={"Allow": ", ".join(sorted(methods))})
    return match


@lru_cache(maxsize=1024)
def without_port(host: str) -> str:
    """The name in a Host field."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
