"""The ASGI scope of a request: what its head says, and between whom it came."""

import asyncio
from typing import Any
from urllib.parse import unquote_to_bytes

from shared.serving import handshake
from shared.serving.head import Head
from shared.serving.messages import EMPTY_QUERY, Scope

# As a number: to look for one byte in others as bytes costs Python a TypeError that nobody sees.
_PERCENT = ord("%")
_ASGI = {"version": "3.0", "spec_version": "2.4"}


def base_of(transport: asyncio.BaseTransport) -> dict[str, Any]:
    """What is the same for every request of a connection."""
    server, client = (_pair(transport.get_extra_info(name)) for name in ("sockname", "peername"))
    is_secure = transport.get_extra_info("ssl_object") is not None
    return {
        "type": "http",
        "asgi": _ASGI,
        "scheme": "https" if is_secure else "http",
        "root_path": "",
        "server": server,
        "client": client,
    }


def _pair(address: Any) -> tuple[str, int] | None:
    """Host and port; None for a Unix socket."""
    return (address[0], address[1]) if isinstance(address, tuple) else None


def scope_of(head: Head, base: dict[str, Any]) -> Scope:
    """The scope of one request."""
    path = head.raw_path
    return {
        **base,
        "http_version": head.http_version,
        "method": head.method,
        "path": _decoded(path),
        "raw_path": path,
        "query_string": head.query,
        EMPTY_QUERY: head.has_query and not head.query,
        "headers": head.fields.copy(),  # the app may change its own
    }


def socket_scope_of(head: Head, base: dict[str, Any]) -> Scope:
    """The scope of one WebSocket."""
    scope = scope_of(head, base)
    del scope["method"]
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if base["scheme"] == "https" else "ws"
    scope["subprotocols"] = handshake.subprotocols_of(head.fields)
    scope["extensions"] = {"websocket.http.response": {}}
    return scope


def _decoded(path: bytes) -> str:
    octets = unquote_to_bytes(path) if _PERCENT in path else path
    return octets.decode("utf-8", "replace")
