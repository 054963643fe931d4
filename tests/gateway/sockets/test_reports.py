"""What is counted and logged of WebSockets, and the trial of many in short."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson

from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from tests.gateway import websockets
from tests.gateway.conftest import Gateway
from tests.gateway.sockets.opening import open_socket


async def test_sockets_are_measured_and_logged(sockets: Gateway) -> None:
    request_id = str(new_id())
    async with open_socket(sockets, "/public/echo", fields={"X-Request-ID": request_id}) as socket:
        await socket.send("x")
        await socket.recv()
        assert value_of(sockets, 'websockets_open{.*route="public".*}') >= 1

    def line() -> dict[str, Any]:
        found = [one for one in sockets.lines().splitlines() if request_id in one]
        return orjson.loads(found[0]) if found else {}

    await asyncio.to_thread(wait_until, line, what="the line of the socket", seconds=30)
    assert line()["status"] == 101
    assert {line()[name] for name in ("messages_in", "messages_out")} == {1}
    assert (line()["close_code"], line()["closed_by"]) == (1000, "client")
    assert value_of(sockets, 'websocket_messages_total{route="public",side="client"}') >= 1
    assert value_of(sockets, 'websockets_closed_total{code="1000",route="public"}') >= 1
    assert value_of(sockets, 'requests_total{.*route="public",status="101"}', prefix=".*") >= 1


def value_of(gateway: Gateway, series: str, prefix: str = "doorward_gateway_") -> float:
    pattern = series.replace("{", r"\{").replace("}", r"\}")
    found = re.findall(rf"^{prefix}{pattern} (\S+)$", httpx.get(gateway.metrics_url).text, re.MULTILINE)
    return sum(map(float, found))


async def test_many_sockets_cost_little_and_lose_nothing(redis_url: str, tmp_path: Path) -> None:
    with websockets.started(redis_url, tmp_path) as gateway:
        found = await websockets.play(gateway, redis_url, idle=200, messages=4_000)

    assert websockets.mistakes(replace(found, revoked_seconds=0)) == []  # a loaded machine may take longer
    assert found.sent == 4_000
