"""The gateway's own questions to a service: small answers, read whole, through everybody's pools."""

from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson

from gateway.attempt import Attempt
from gateway.headers import deadline_line
from gateway.tries import Tries
from gateway.upstream import faults
from gateway.upstream.replicas import Service
from shared.chassis import tracing

LARGEST_ANSWER = 4_194_304
CONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FetchedAnswer:
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
) -> FetchedAnswer:
    """The answer to one request; raises UpstreamFault. Never redirected; a GET is sent again once."""
    may_repeat = method == "GET"
    tries = Tries(
        service,
        deadline=monotonic() + seconds,
        read_seconds=seconds,
        most=int(may_repeat),
        is_repeatable=may_repeat,
    )
    while True:
        attempt = tries.begin()
        try:
            if not tries.take_warm_connection(attempt):
                await attempt.connect(CONNECT_SECONDS)
            head = _head(attempt, method, path, fields or {}, body)
            return await _ask(attempt, method.encode(), head + (body or b""))
        except faults.UpstreamFault as fault:
            attempt.failed(fault)
            if not tries.may_go_on(attempt, fault):
                raise
        finally:
            attempt.end()


async def _ask(attempt: Attempt, method: bytes, request: bytes) -> FetchedAnswer:
    connection = attempt.connection
    connection.begin(method, request)
    head = await connection.head(attempt.patience)
    pieces, size = [], 0
    while piece := await connection.read(attempt.patience):
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise faults.ProtocolFault("the answer is too large")
        pieces.append(piece)
    attempt.answered(head.status)
    return FetchedAnswer(head.status, b"".join(pieces))


def _head(attempt: Attempt, method: str, path: str, fields: dict[str, str], body: bytes | None) -> bytes:
    trace = tracing.current()
    named = {**(trace.headers() if trace else {}), **fields}
    all_fields = {"accept": "application/json"} | {name.lower(): value for name, value in named.items()}
    if body is not None:
        all_fields |= {"content-type": "application/json", "content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_fields.items())
    replica = attempt.replica
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b%b\r\n" % (
        method.encode(),
        path.encode(),
        replica.authority,
        lines.encode("latin-1"),
        deadline_line(attempt.deadline - monotonic(), replica.clock_ahead),
    )
