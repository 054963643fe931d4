"""The corpus against this gateway, nginx and HAProxy before one service: refused, or exactly as meant."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.chassis.testing.engines import free_port, wait_until
from tests.gateway import corpus, spellings
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.corpus import HOST, PATH, SECOND, Case
from tests.gateway.echo import Received, Upstream
from tests.gateway.sequences import SEQUENCES, Sequence
from tests.gateway.wire import Wire

CASES = [*corpus.CASES, *spellings.CASES]
PATIENCE_SECONDS = 0.7
ANSWER_SECONDS = 30.0  # what a server that keeps the connection takes to be noticed
ROUTES = """
[upstreams.u]
urls = ["${AUTH_URL}"]
[[routes]]
name = "auth"
prefix = "/api/v1/auth"
upstream = "u"
access = "public"
[[routes]]
name = "users"
prefix = "/api/v1/users"
upstream = "u"
access = "public"
"""
NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} default_server; return 404;
  }}
  server {{
    listen 127.0.0.1:{port}; server_name localhost [::1];
    location /api/v1/ {{ proxy_pass {upstream}; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    location / {{ return 404; }}
  }}
}}
"""


HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend all
  bind 127.0.0.1:{port}
  http-request return status 404 unless {{ path_beg /api/v1/ }}
  default_backend service
backend service
  server one {upstream}
"""


@pytest.fixture
def gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway(routes=ROUTES)


def _commands(folder: Path, port: int, upstream: Upstream) -> dict[str, list[str]]:
    """How the other proxies are started in front of the same service."""
    nginx, haproxy = folder / "nginx.conf", folder / "haproxy.cfg"
    nginx.write_text(NGINX.format(folder=folder, port=port, upstream=upstream.url))
    haproxy.write_text(HAPROXY.format(port=port, upstream=upstream.url.removeprefix("http://")))
    return {"nginx": ["nginx", "-c", str(nginx)], "haproxy": ["haproxy", "-q", "-db", "-f", str(haproxy)]}


@pytest.fixture(params=["nginx", "haproxy"])
def other_port(request: pytest.FixtureRequest, upstream: Upstream, tmp_path: Path) -> Iterator[int]:
    """Another proxy."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    port = free_port()
    process = subprocess.Popen(_commands(tmp_path, port, upstream)[request.param], stderr=subprocess.DEVNULL)
    wait_until(lambda: _listens(port), what=request.param)
    yield port
    process.terminate()
    process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


async def play(port: int, upstream: Upstream, case: Case) -> tuple[list[int], list[tuple[str, str, bytes]]]:
    """The statuses that came back, and what reached the service: method, target, body."""
    upstream.requests.clear()
    wire = await Wire.connect(port)
    statuses: list[int] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await wire.send(case.data)
            if case.expected == "refused":
                wire.writer.write_eof()
            statuses.append((await wire.receive()).status)
            if case.expected != "exact":
                statuses.append((await wire.receive()).status)  # a second answer to one request
    except (OSError, asyncio.IncompleteReadError, ValueError, IndexError):
        pass
    finally:
        wire.close()
    await asyncio.sleep(0.01)
    return statuses, [(request.method, request.target, request.body) for request in upstream.requests]


def judge(case: Case, statuses: list[int], reached: list[tuple[str, str, bytes]]) -> str | None:
    """What is wrong, if anything is."""
    if any("smuggled" in target for _, target, _ in reached):
        return f"a second request out of one: {reached}"
    if len(reached) > 1:
        return f"reached the service more than once: {reached}"
    if reached:
        if case.expected == "refused":
            return f"should be refused and reached the service: {reached}"
        if reached[0][1] != case.sent_target:
            return f"arrived as {reached[0][1]!r}"
        body = case.data.partition(b"\r\n\r\n")[2]
        if body and reached[0][2] != b"abc":
            return f"arrived with the body {reached[0][2]!r}"
        return None if statuses[:1] == [200] else f"arrived, and was answered {statuses}"
    if case.expected == "exact":
        return f"should arrive and was answered {statuses}"
    return None if all(status >= 400 for status in statuses) else f"was answered {statuses} by nobody"


def test_the_corpus_is_large() -> None:
    names = [case.name for case in CASES] + [sequence.name for sequence in SEQUENCES]

    assert len(names) >= 400
    assert len(set(names)) == len(names)


async def test_every_case_is_refused_or_arrives_exactly_as_meant(
    gateway: Gateway, upstream: Upstream
) -> None:
    wrong = []
    for case in CASES:
        statuses, reached = await play(gateway.port, upstream, case)
        fault = judge(case, statuses, reached)
        if fault:
            wrong.append(f"{case.name}: {fault}")
        assert gateway.process.poll() is None

    assert not wrong, "\n".join(wrong)
    assert "unexpected_error" not in gateway.lines()


async def test_other_proxies_change_no_target_and_let_more_through(
    upstream: Upstream, other_port: int
) -> None:
    """What others let through and we do not is looked at here, so that strictness is a decision."""
    let_through = []
    for case in CASES:
        _, reached = await play(other_port, upstream, case)
        if case.expected == "exact":
            assert [target for _, target, _ in reached] in ([case.sent_target], []), case.name
        elif case.expected == "refused" and reached:
            let_through.append(case.name)

    assert any(name.startswith("path") for name in let_through)
    assert any(name.startswith("spelling") for name in let_through)


async def play_all(port: int, upstream: Upstream, sequence: Sequence) -> tuple[list[int], list[str]]:
    """The statuses that came back until the connection ended, and the targets that reached the service."""
    upstream.requests.clear()
    wire = await Wire.connect(port)
    statuses: list[int] = []
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError, IndexError):
        for piece in sequence.pieces:
            await wire.send(piece)
            await asyncio.sleep(0)
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError, IndexError):
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                if len(statuses) == len(sequence.statuses):
                    wire.writer.write_eof()  # others take it for a client that has left
                is_head = sequence.pieces[0].startswith(b"H") and not statuses
                statuses.append((await wire.receive(method="HEAD" if is_head else "GET")).status)
    wire.close()
    return statuses, [request.target for request in upstream.requests]


async def test_requests_in_a_row_or_in_pieces_are_themselves(gateway: Gateway, upstream: Upstream) -> None:
    wrong = []
    for sequence in SEQUENCES:
        statuses, targets = await play_all(gateway.port, upstream, sequence)
        if (tuple(statuses), tuple(targets)) != (sequence.statuses, sequence.targets):
            wrong.append(f"{sequence.name}: answered {statuses}, reached {targets}")

    assert not wrong, "\n".join(wrong)


async def test_other_proxies_pass_on_what_is_welcome(upstream: Upstream, other_port: int) -> None:
    """And what they answer to the rest is looked at here, so that strictness is a decision."""
    wrong, others = [], []
    for sequence in SEQUENCES:
        statuses, targets = await play_all(other_port, upstream, sequence)
        if tuple(targets) != sequence.targets:
            (wrong if sequence.is_welcome else others).append(f"{sequence.name}: {statuses}, {targets}")

    assert not wrong, "\n".join(wrong)
    assert not [line for line in others if "smuggled" in line and "as a body" in line]


async def test_requests_in_a_row_are_answered_in_order(gateway: Gateway, upstream: Upstream) -> None:
    wire = await Wire.connect(gateway.port)
    requests = [f"{PATH}/{number}" for number in range(20)]
    await wire.send("".join(f"GET {target} HTTP/1.1\r\n{HOST}\r\n" for target in requests).encode())

    answers = [await wire.receive() for _ in requests]
    wire.close()

    assert [request.target for request in upstream.requests] == requests
    assert all(
        f'"target":"{target}"'.encode() in answer.body
        for target, answer in zip(requests, answers, strict=True)
    )


@pytest.mark.parametrize("target", [PATH, "/nowhere", "/livez"])
async def test_a_websocket_handshake_is_refused_in_so_many_words(
    gateway: Gateway, upstream: Upstream, target: str
) -> None:
    handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    wire = await Wire.connect(gateway.port)
    await wire.send(f"GET {target} HTTP/1.1\r\n{HOST}{handshake}\r\n{SECOND}".encode())

    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()

    assert (answer.status, answer.headers["content-type"]) == (501, "application/problem+json")
    assert b'"code":"upgrade_not_supported"' in answer.body
    assert (answer.is_last, rest, upstream.requests) == (True, b"", [])


async def test_an_offer_of_http_2_is_passed_over(gateway: Gateway, upstream: Upstream) -> None:
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    wire = await Wire.connect(gateway.port)

    first, second = await wire.get(PATH, offer), await wire.get(PATH)
    wire.close()

    assert (first.status, second.status) == (200, 200)
    assert [
        request.value(name) for request in upstream.requests for name in ("upgrade", "http2-settings")
    ] == [None] * 4


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
async def test_health_answers_whatever_host_is_named(gateway: Gateway, path: str) -> None:
    wire = await Wire.connect(gateway.port)
    await wire.send(f"GET {path} HTTP/1.1\r\nHost: 10.2.3.4:8080\r\n\r\n".encode())
    health = await wire.receive()
    await wire.send(b"GET /docs/ HTTP/1.1\r\nHost: 10.2.3.4:8080\r\n\r\n")
    page = await wire.receive()
    wire.close()

    assert b'"status":"pass"' in health.body or b'"not_ready"' in health.body
    assert page.status == 421


async def test_a_repeated_field_is_named(gateway: Gateway, upstream: Upstream) -> None:
    wire = await Wire.connect(gateway.port)
    lines = "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"
    await wire.send(f"GET {PATH} HTTP/1.1\r\n{HOST}{lines}\r\n".encode())
    answer = await wire.receive()
    wire.close()

    assert (answer.status, upstream.requests) == (400, [])
    assert b'"code":"field_repeated"' in answer.body
    assert b'"field":"authorization"' in answer.body


async def test_a_request_that_comes_before_the_last_is_answered_waits_its_turn(
    gateway: Gateway, upstream: Upstream
) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    async def wait(request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.to_thread(may_answer.wait, 10)
        writer.write(request.answer())

    upstream.handlers[f"{PATH}/first"] = wait
    wire = await Wire.connect(gateway.port)
    await wire.send(f"GET {PATH}/first HTTP/1.1\r\n{HOST}\r\n".encode())
    assert await asyncio.to_thread(asked.wait, 10)
    for piece in (f"GET {PATH}/second HTTP/1.1\r\n{HOST}", f"\r\nPOST {PATH}/third HTTP/1.1\r\n{HOST}"):
        await wire.send(piece.encode())
    await wire.send(b"Content-Length: 3\r\n\r\nabc")
    heard_early = [request.target for request in upstream.requests]
    may_answer.set()
    answers = [await wire.receive() for _ in range(3)]
    wire.close()

    assert heard_early == [f"{PATH}/first"]
    assert [answer.status for answer in answers] == [200] * 3
    targets = [f"{PATH}/first", f"{PATH}/second", f"{PATH}/third"]
    assert [request.target for request in upstream.requests] == targets
    assert upstream.requests[2].body == b"abc"


async def test_what_follows_a_refused_body_is_no_request(gateway: Gateway, upstream: Upstream) -> None:
    wire = await Wire.connect(gateway.port)
    hidden = SECOND.encode()
    head = f"POST /nowhere HTTP/1.1\r\n{HOST}Content-Length: {len(hidden)}\r\n\r\n".encode()
    await wire.send(head + hidden)
    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()

    assert (answer.status, answer.is_last, rest) == (404, True, b"")
    assert upstream.requests == []


async def test_a_client_that_asks_first_is_told_to_go_on_only_if_it_may(
    gateway: Gateway, upstream: Upstream
) -> None:
    async def ask(target: str, length: int) -> bytes:
        wire = await Wire.connect(gateway.port)
        fields = f"{HOST}Content-Length: {length}\r\nExpect: 100-continue\r\n"
        await wire.send(f"POST {target} HTTP/1.1\r\n{fields}\r\n".encode())
        first = await wire.reader.readuntil(b"\r\n")
        if b"100" in first:
            await wire.reader.readuntil(b"\r\n")
            await wire.send(b"x" * length)
            first += b"then %d" % (await wire.receive()).status
        wire.close()
        return first

    assert await ask(PATH, 3) == b"HTTP/1.1 100 Continue\r\nthen 200"
    assert b" 413 " in await ask(PATH, 10_000_000)
    assert b" 404 " in await ask("/nowhere", 3)
    assert [request.value("expect") for request in upstream.requests] == [None]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    ],
)
async def test_what_cannot_be_parsed_is_a_problem_document_too(
    gateway: Gateway, data: bytes, status: int
) -> None:
    wire = await Wire.connect(gateway.port)
    await wire.send(data)
    answer = await wire.receive()
    wire.close()

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert b'"request_id"' in answer.body


async def test_a_head_that_does_not_arrive_is_not_waited_for(gateway: Gateway) -> None:
    wires = [await Wire.connect(gateway.port) for _ in range(3)]
    await wires[1].send(b"GET / HTTP/1.1\r\n")
    await wires[2].send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await wires[2].receive()
    await wires[2].send(b"GET")

    async with asyncio.timeout(14):
        answers = [await wire.receive() for wire in wires]

    for wire in wires:
        wire.close()

    assert [answer.status for answer in answers] == [408, 408, 408]
