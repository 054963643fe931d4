"""The handshake of a WebSocket (RFC 6455 section 4.2), checked by ``websockets``."""

from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol

from shared.serving.head import Head
from shared.serving.messages import RawHeaders

_OURS = frozenset({b"connection", b"upgrade", b"date", b"server", b"content-length", b"transfer-encoding"})


def is_asked_for(http_version: str, upgrade: bytes) -> bool:
    """Whether the client wants to speak WebSocket; HTTP/1.0 has no such field (RFC 9110 section 7.8).

    Any other protocol is an offer, which a server may ignore: those who make it (h2c by Java's client and
    curl, TLS/1.2 by Apache's) go on in HTTP/1.1 just as well.
    """
    offers = (offer.strip().lower().partition(b"/")[0] for offer in upgrade.split(b","))
    return http_version != "1.0" and b"websocket" in offers


def accept_of(head: Head) -> str | None:
    """The Sec-WebSocket-Accept of a valid handshake; None if ``head`` is none."""
    upgrade = b",".join(value for name, value in head.fields if name == b"upgrade")
    if head.length != 0 or head.method != "GET" or not is_asked_for(head.http_version, upgrade):
        return None
    fields = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.fields])
    answer = ServerProtocol().accept(Request(head.raw_path.decode("latin-1"), fields))
    return answer.headers["Sec-WebSocket-Accept"] if answer.status_code == 101 else None


def subprotocols_of(fields: RawHeaders) -> list[str]:
    """The subprotocols that the client offers, in its order."""
    lists = (value.decode("latin-1") for name, value in fields if name == b"sec-websocket-protocol")
    return [name for offer in lists for one in offer.split(",") if (name := one.strip(" \t"))]


def answer_of(accept: str, subprotocol: str | None, fields: RawHeaders) -> RawHeaders:
    """The fields of the 101 that lets the client in."""
    answer = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade")]
    answer.append((b"sec-websocket-accept", accept.encode()))
    if subprotocol is not None:
        answer.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
    rest = ((name.lower(), value) for name, value in fields)
    return answer + [
        field for field in rest if field[0] not in _OURS and not field[0].startswith(b"sec-websocket-")
    ]
