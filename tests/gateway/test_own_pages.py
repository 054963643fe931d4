"""The gateway's own pages leave lines, wait for nobody, and are bounded like everything else."""

import asyncio
import threading
from typing import Any

import httpx
import orjson
from flask import Response, g, jsonify, request

from gateway import held_bodies
from gateway.edge_app import GatewayFlask
from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from tests.gateway.conftest import Gateway
from tests.gateway.test_hooks import app, client
from tests.gateway.wire import Wire

__all__ = ["app", "client"]


def lines_of(gateway: Gateway, path: str) -> list[dict[str, Any]]:
    lines = [orjson.loads(line) for line in gateway.lines().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "request" and line["path"] == path]


def test_each_page_leaves_a_line_and_probes_leave_none(gateway: Gateway, client: httpx.Client) -> None:
    answer = httpx.get(f"{gateway.url}/console/sign-in?secret=1", headers={"X-Request-ID": "of-a-test-1"})
    nowhere = f"/docs/{new_id()}"  # others ask the same gateway
    missing = httpx.get(gateway.url + nowhere)
    for path in ("/livez", "/readyz"):
        httpx.get(gateway.url + path)
    wait_until(lambda: len(lines_of(gateway, nowhere)) == 1, what="the line of a page")
    request_id = answer.headers["x-request-id"]
    (line,) = [line for line in lines_of(gateway, "/console/sign-in") if line["request_id"] == request_id]

    assert (line["status"], line["method"], line["client"]) == (200, "GET", "127.0.0.1")
    assert lines_of(gateway, nowhere)[0]["status"] == missing.status_code == 404
    assert lines_of(gateway, "/livez") == lines_of(gateway, "/readyz") == []


async def test_health_waits_for_no_thread(app: GatewayFlask, client: httpx.AsyncClient) -> None:
    may_go_on = threading.Event()

    @app.get("/own/slow")
    def slow() -> Response:
        return jsonify(ok=may_go_on.wait(20))

    slow_ones = [asyncio.create_task(client.get("/own/slow")) for _ in range(40)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(10):
        live, ready = await client.get("/livez"), await client.get("/readyz")
    may_go_on.set()
    answers = await asyncio.gather(*slow_ones)

    assert (live.status_code, live.json()) == (200, {"status": "pass"})
    assert "checks" in ready.json()
    assert {answer.status_code for answer in answers} == {200}


async def test_an_async_view_runs_on_the_workers_loop_with_its_request(
    app: GatewayFlask, client: httpx.AsyncClient
) -> None:
    loop = asyncio.get_running_loop()

    @app.get("/own/<name>")
    async def own(name: str) -> Response:
        g.name = name
        await asyncio.sleep(0)
        return jsonify(name=g.name, is_same=asyncio.get_running_loop() is loop)

    answers = await asyncio.gather(*(client.get(f"/own/{number}") for number in range(20)))

    assert [answer.json() for answer in answers] == [
        {"name": str(number), "is_same": True} for number in range(20)
    ]


async def test_bodies_of_pages_are_held_within_the_memory_for_bodies(gateway: Gateway) -> None:
    """One address has a quarter of it, for what it sends to pages as for what is forwarded."""
    head = b"POST /console/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n"
    wires = [await Wire.connect(gateway.port) for _ in range(17)]
    for wire in wires:
        await wire.send(head + b"x" * 1_048_575)

    receiving = [asyncio.create_task(wire.receive()) for wire in wires]
    done, waiting = await asyncio.wait(receiving, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    answers = [task.result() for task in done]
    for wire in wires:
        wire.close()

    assert [answer.status for answer in answers] == [503]
    assert orjson.loads(answers[0].body)["code"] == "bodies_full"
    assert answers[0].headers["connection"] == "close"


async def test_a_body_counts_until_its_page_has_answered(
    app: GatewayFlask, client: httpx.AsyncClient
) -> None:
    """Those that wait for a thread are held, too."""
    held = []

    @app.get("/own/form")
    def form() -> Response:
        held.append(held_bodies.of_worker.size)
        return jsonify(size=len(request.get_data()))

    answer = await client.request("GET", "/own/form", content=b"x" * 100_000)

    assert answer.json() == {"size": 100_000}
    assert (held, held_bodies.of_worker.size) == ([100_000], 0)


async def test_bodies_that_do_not_come_keep_no_page_from_others(gateway: Gateway) -> None:
    """The patience with them is the server's: shown in its own tests."""
    path = "/console/sign-in"
    wires = [await Wire.connect(gateway.port) for _ in range(30)]
    for wire in wires:
        await wire.send(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\nab".encode())

    ordinary = await Wire.connect(gateway.port)
    answer = await ordinary.get("/console/sign-in")
    for wire in (ordinary, *wires):
        wire.close()

    assert answer.status == 200


async def test_options_for_the_whole_server_are_told(gateway: Gateway) -> None:
    wire = await Wire.connect(gateway.port)
    await wire.send(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await wire.receive()
    wire.close()

    assert answer.status == 204
    assert "OPTIONS" in answer.headers["allow"]
