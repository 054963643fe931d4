"""One request, several services: all parts asked at once, and what fails is said instead of failing all."""

import asyncio
from time import monotonic
from typing import Any

import orjson
from flask import Response

from gateway import errors
from gateway.exchange import Exchange
from gateway.fetch import fetch
from gateway.headers import forwarded_lines
from gateway.route import Part
from gateway.upstream import faults
from gateway.upstream.replicas import Service

# The parts must be done before the whole has to be (KrakenD leaves its merge the same).
SHARE_OF_TIME = 0.85


async def gather(exchange: Exchange, services: dict[str, Service]) -> Response:
    """``{data, errors}``: every part that answered, and why the others did not.

    Raises UpstreamUnavailable where none did. The services judge the caller's token themselves, as ever.
    """
    match = exchange.match
    assert match is not None  # noqa: S101  (only matched exchanges come here)
    parts = match.route.parts
    seconds = match.route.timeouts.total * SHARE_OF_TIME - (monotonic() - exchange.started_at)
    fields = _fields(exchange)
    began = monotonic()
    answers = await asyncio.gather(
        *(_ask(services[part.upstream], part, fields, seconds) for part in parts.values())
    )
    exchange.upstream_seconds = monotonic() - began
    exchange.upstream = ",".join(part.upstream for part in parts.values())
    data = {name: value for name, (value, fault) in zip(parts, answers, strict=True) if fault is None}
    failed = {name: fault for name, (_, fault) in zip(parts, answers, strict=True) if fault is not None}
    if not data:
        raise errors.UpstreamUnavailable(parts=failed)
    body = orjson.dumps({"data": data, "errors": failed})
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-store" if failed else "private, no-cache"
    return response


async def _ask(
    service: Service, part: Part, fields: dict[str, str], seconds: float
) -> tuple[Any, dict[str, Any] | None]:
    """The part's value, or why there is none."""
    try:
        answer = await fetch(service, part.path, seconds=max(0.001, seconds), fields=fields)
        content = answer.json()
    except faults.UpstreamFault as fault:
        return None, {"status": 504 if fault.is_timeout else 503, "code": fault.proxy_status}
    if answer.status != 200:
        code = content.get("code") if isinstance(content, dict) else None
        return None, {"status": answer.status, "code": code or "unexpected_answer"}
    if part.pick is None:
        return content, None
    if not isinstance(content, dict) or part.pick not in content:
        return None, {"status": 502, "code": "unexpected_answer"}
    return content[part.pick], None


def _fields(exchange: Exchange) -> dict[str, str]:
    lines = forwarded_lines(
        exchange.trace,
        address=exchange.address,
        protocol=exchange.protocol,
        host=exchange.host,
    )
    pairs = (line.partition(": ") for line in lines.decode("latin-1").split("\r\n") if line)
    fields = {name: value for name, _, value in pairs}
    if exchange.authorization is not None:
        fields["authorization"] = exchange.authorization.decode("latin-1")
    return fields
