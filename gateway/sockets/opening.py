"""The handshake of one WebSocket: what the client asks for, and what the service is asked for and answers."""

import base64
from dataclasses import dataclass
from os import urandom

from websockets.utils import accept_key

from gateway import errors
from gateway.messages import RawHeaders
from gateway.upstream import faults
from gateway.upstream.framing import ResponseHead
from shared.serving import handshake

# A browser cannot send an Authorization with a handshake: the token comes as an offered subprotocol.
BEARER = "bearer"
_PREFIX = BEARER + "."
_FIELDS = b"sec-websocket-"
VERSION = "13"


@dataclass(slots=True)
class Opening:
    """A handshake on its way."""

    offered: tuple[str, ...]  # to the service
    token: str | None  # what the client is authorised by
    has_bearer: bool  # whether the client takes ``bearer`` for an answer
    key: str  # for the service

    def request_lines(self) -> bytes:
        """The fields that make a request a handshake."""
        offer = f"sec-websocket-protocol: {', '.join(self.offered)}\r\n" if self.offered else ""
        return (
            f"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: {VERSION}\r\n"
            f"sec-websocket-key: {self.key}\r\n{offer}"
        ).encode("latin-1")

    def chosen(self, head: ResponseHead) -> str | None:
        """The subprotocol that the client is answered; raises ProtocolFault if the 101 is none to this."""
        found = dict(head.headers)
        if found.get(b"sec-websocket-accept") != accept_key(self.key).encode():
            raise faults.ProtocolFault("a 101 with a wrong Sec-WebSocket-Accept")
        if found.get(b"upgrade", b"").lower() != b"websocket" or b"sec-websocket-extensions" in found:
            raise faults.ProtocolFault("a 101 to what was not asked for")
        chosen = handshake.subprotocols_of(head.headers)
        if len(chosen) > 1 or not set(chosen) <= set(self.offered):
            raise faults.ProtocolFault("a subprotocol that was not offered")
        if chosen:
            return chosen[0]
        return BEARER if self.has_bearer else None


def opening_of(fields: RawHeaders) -> tuple[Opening, RawHeaders]:
    """What the client asks for, and its fields without those of the handshake; raises FieldRepeated."""
    names = handshake.subprotocols_of(fields)
    tokens = {name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)}
    if len(tokens) > 1:
        raise errors.FieldRepeated(field="sec-websocket-protocol")
    opening = Opening(
        offered=tuple(name for name in names if name != BEARER and not name.startswith(_PREFIX)),
        token=next(iter(tokens), None),
        has_bearer=BEARER in names,
        key=base64.b64encode(urandom(16)).decode(),
    )
    return opening, [field for field in fields if not field[0].startswith(_FIELDS)]
