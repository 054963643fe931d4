"""The gateway's own questions to a service: small answers, read whole, through everybody's pools."""

from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson

from gateway.upstream import faults
from gateway.upstream.replicas import Full, Service
from shared.chassis import tracing

LARGEST_ANSWER = 4_194_304
CONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body's JSON value; raises ProtocolFault where it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise faults.ProtocolFault("not JSON") from error


async def fetch(
    service: Service,
    path: str,
    *,
    seconds: float,
    method: str = "GET",
    fields: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """The answer to one request; raises UpstreamFault. Never retried, never redirected."""
    deadline = monotonic() + seconds
    try:
        replica = service.choose()
    except Full as error:
        raise faults.ConnectFault("too many requests are under way") from error
    service.outstanding += 1
    replica.outstanding += 1
    connection = None
    try:
        connection = replica.pool.take_idle() if method == "GET" else None
        connection = connection or await replica.pool.connect(min(CONNECT_SECONDS, seconds))
        connection.begin(
            method.encode(), _head(replica.authority, method, path, fields or {}, body) + (body or b"")
        )
        head = await connection.head(max(0.001, deadline - monotonic()))
        pieces, size = [], 0
        while piece := await connection.read(max(0.001, deadline - monotonic())):
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise faults.ProtocolFault("the answer is too large")
            pieces.append(piece)
        return Answer(head.status, b"".join(pieces))
    finally:
        service.outstanding -= 1
        replica.outstanding -= 1
        if connection is not None:
            replica.pool.give_back(connection)


def _head(authority: bytes, method: str, path: str, fields: dict[str, str], body: bytes | None) -> bytes:
    trace = tracing.current()
    named = {**(trace.headers() if trace else {}), **fields}
    all_fields = {"accept": "application/json"} | {name.lower(): value for name, value in named.items()}
    if body is not None:
        all_fields |= {"content-type": "application/json", "content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_fields.items())
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (
        method.encode(),
        path.encode(),
        authority,
        lines.encode("latin-1"),
    )
