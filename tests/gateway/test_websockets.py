"""WebSockets through a real gateway: client and server of ``websockets``, and raw bytes where they behave."""

import asyncio
import json
import re
import signal
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from redis import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import access_token, bearer
from shared.contracts import delivery, tokens
from tests.gateway import websockets
from tests.gateway.conftest import ORIGIN, Gateway, StartGateway, new_gateway
from tests.gateway.echo import Received, Upstream
from tests.gateway.socket_service import SocketService, accepting
from tests.gateway.tls_upstream import Authority
from tests.gateway.wire import Wire

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SMUGGLED = b"GET /plain/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
ROUTES = """
[upstreams.sockets]
urls = "SOCKETS"
[upstreams.raw]
urls = "RAW"
[limits.few]
quota = 3
window_seconds = 3600
slack = 0
[cors.app]
origins = ["https://app.example.org"]
allow_credentials = true
[cors.any]
origins = ["*"]
[[routes]]
name = "sockets"
prefix = "/ws"
upstream = "sockets"
access = "signed in"
websocket = true
cors = "app"
claims = { X-Account = "sub" }
[[routes]]
name = "public"
prefix = "/public"
rewrite_prefix = "/ws"
upstream = "sockets"
access = "public"
cors = "any"
websocket = { max_message_bytes = 1000, idle_seconds = 600 }
[[routes]]
name = "admins"
prefix = "/admins"
rewrite_prefix = "/ws"
upstream = "sockets"
access = { kind = "signed in", roles = "admin" }
websocket = true
[[routes]]
name = "limited"
prefix = "/limited"
rewrite_prefix = "/ws"
upstream = "sockets"
access = "public"
limits = "few"
websocket = true
[[routes]]
name = "idle"
prefix = "/idle"
rewrite_prefix = "/ws"
upstream = "sockets"
access = "public"
websocket = { idle_seconds = 0.3 }
[[routes]]
name = "raw"
prefix = "/raw"
upstream = "raw"
access = "public"
websocket = true
timeouts = { read = 1 }
[[routes]]
name = "plain"
prefix = "/plain"
upstream = "raw"
access = "public"
"""


@pytest.fixture(scope="module")
def service() -> Iterator[SocketService]:
    service = SocketService()
    service.start()
    yield service
    service.stop()


def routes_for(service: SocketService, raw: Upstream) -> str:
    return ROUTES.replace("SOCKETS", service.url).replace("RAW", raw.url)


@pytest.fixture(scope="module")
def sockets(
    redis_url: str,
    running_upstream: Upstream,
    service: SocketService,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("sockets")
    routes = folder / "routes.toml"
    routes.write_text(f"standalone = true\n{routes_for(service, running_upstream)}")
    settings = {"GATEWAY_ROUTES_FILE": str(routes), "GATEWAY_MOST_WEBSOCKETS_BY_CALLER": "20"}
    gateway = new_gateway(redis_url, running_upstream, folder / "gateway.log", settings)
    gateway.start()
    yield gateway
    gateway.stop()


def open_socket(gateway: Gateway, path: str, token: str | None = None, **options: Any) -> connect:
    fields = {**(bearer(token) if token else {}), **options.pop("fields", {})}
    return connect(f"ws://127.0.0.1:{gateway.port}{path}", additional_headers=fields, **options)


async def refusal_of(connecting: connect) -> tuple[int, Any]:
    """The status, and the code of the problem, that a handshake is answered with."""
    with pytest.raises(InvalidStatus) as refused:
        await connecting
    response = refused.value.response
    assert response.headers["connection"] == "close"
    is_problem = response.headers.get("content-type", "").startswith("application/problem")
    return response.status_code, orjson.loads(response.body or b"{}")["code"] if is_problem else response.body


async def end_of(socket: ClientConnection) -> tuple[int | None, str | None]:
    """How the other side closes the socket."""
    with suppress(ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code, socket.close_reason


def handshake(
    path: str, more: str = "", *, key: str = f"Sec-WebSocket-Key: {KEY}\r\n", version: str = "13"
) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: {version}\r\n{key}{more}\r\n"
    ).encode()


# -- what is passed on


async def test_messages_pass_both_ways_whole_and_in_order(sockets: Gateway, account_id: UUID) -> None:
    messages: list[str | bytes] = ["", "größer", b"", bytes(range(256)), "x" * 65_000, b"y" * 65_536]
    async with open_socket(sockets, "/ws/echo", access_token(account_id), max_size=None) as socket:
        for message in messages:
            await socket.send(message)
        received = [await socket.recv() for _ in messages]

    assert received == messages


async def test_a_service_is_told_who_calls_and_nothing_of_the_client_s_handshake(
    sockets: Gateway, account_id: UUID
) -> None:
    token = access_token(account_id)
    fields = {"X-User-Id": "forged", "X-Account": "forged", "Cookie": "own=1"}
    async with open_socket(
        sockets, "/ws/fields?a=b", token, fields=fields, subprotocols=[Subprotocol("chat"), Subprotocol("x")]
    ) as socket:
        received = json.loads(await socket.recv())
        assert socket.subprotocol == "chat"
        assert socket.request is not None
        assert socket.response is not None
        own_key = socket.request.headers["Sec-WebSocket-Key"]
        answer = socket.response.headers

    found = {name.lower(): value for name, value in received}
    assert len(found) == len(received)
    assert found["authorization"] == f"Bearer {token}"
    assert found["x-account"] == str(account_id)
    assert found["x-forwarded-for"] == "127.0.0.1"
    assert found["sec-websocket-protocol"] == "chat, x"
    assert found["sec-websocket-key"] != own_key
    assert found["cookie"] == "own=1"
    assert {"x-user-id", "sec-websocket-extensions", "x-request-deadline"} & found.keys() == set()
    assert found["x-request-id"] == answer["x-request-id"]
    assert "sec-websocket-extensions" not in answer


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1013, 3000, 4999])
async def test_a_close_of_the_service_reaches_the_client(sockets: Gateway, code: int) -> None:
    async with open_socket(sockets, f"/public/close/{code}") as socket:
        assert await end_of(socket) == (code, "as asked")


@pytest.mark.parametrize("code", [1000, 4001])
async def test_a_close_of_the_client_reaches_the_service(
    sockets: Gateway, service: SocketService, code: int
) -> None:
    path = f"/ws/echo/{new_id()}"
    async with open_socket(sockets, path.replace("/ws", "/public")) as socket:
        await socket.close(code)

    await asyncio.to_thread(wait_until, lambda: (path, code) in service.closed, what="the close", seconds=30)


async def test_a_client_that_vanishes_goes_away_from_the_service(
    sockets: Gateway, service: SocketService
) -> None:
    path = f"/ws/echo/{new_id()}"
    async with open_socket(sockets, path.replace("/ws", "/public")) as socket:
        await socket.send("x")
        await socket.recv()
        socket.transport.abort()

    await asyncio.to_thread(wait_until, lambda: (path, 1001) in service.closed, what="the close", seconds=30)


async def test_a_service_that_breaks_off_is_an_internal_error_to_the_client(sockets: Gateway) -> None:
    async with open_socket(sockets, "/public/die") as socket:
        await socket.send("x")

        assert await end_of(socket) == (1011, "the service broke off")


async def test_a_client_that_does_not_read_makes_the_service_wait(
    sockets: Gateway, service: SocketService
) -> None:
    async with open_socket(sockets, "/public/flood", max_queue=1) as socket:
        sent = -1
        while service.sent != sent:  # until nothing moves any more
            sent = service.sent
            await asyncio.sleep(0.5)
        socket.transport.abort()

    assert 0 < sent < 64 * 1_048_576


# -- who is let in


async def test_a_handshake_meets_the_policies_of_its_route(sockets: Gateway, account_id: UUID) -> None:
    user, admin = access_token(account_id), access_token(account_id, roles=("admin",))

    assert await refusal_of(open_socket(sockets, "/ws/echo")) == (401, "token_missing")
    assert await refusal_of(open_socket(sockets, "/ws/echo", "x.y.z")) == (401, "token_invalid")
    assert await refusal_of(open_socket(sockets, "/admins/echo", user)) == (403, "role_required")
    assert await refusal_of(open_socket(sockets, "/nowhere")) == (501, "upgrade_not_supported")
    assert await refusal_of(open_socket(sockets, "/plain")) == (501, "upgrade_not_supported")
    assert await refusal_of(open_socket(sockets, "/livez")) == (501, "upgrade_not_supported")
    async with open_socket(sockets, "/admins/echo", admin) as socket:
        await socket.send("x")
        assert await socket.recv() == "x"


async def test_handshakes_are_counted_by_the_limits(sockets: Gateway) -> None:
    for _ in range(3):
        async with open_socket(sockets, "/limited/echo") as socket:
            assert socket.response is not None
            assert "ratelimit" in socket.response.headers

    assert await refusal_of(open_socket(sockets, "/limited/echo")) == (429, "rate_limited")


async def test_a_token_may_come_as_a_subprotocol(sockets: Gateway, account_id: UUID) -> None:
    token = access_token(account_id)
    offered = [Subprotocol(f"bearer.{token}"), Subprotocol("chat")]
    async with open_socket(sockets, "/ws/fields", subprotocols=offered) as socket:
        found = {name.lower(): value for name, value in json.loads(await socket.recv())}
        assert socket.subprotocol == "chat"

    assert found["authorization"] == f"Bearer {token}"
    assert found["sec-websocket-protocol"] == "chat"
    assert token not in sockets.lines()


async def test_where_the_service_chooses_no_subprotocol_bearer_is_the_answer(
    sockets: Gateway, account_id: UUID
) -> None:
    offered = [Subprotocol("bearer"), Subprotocol(f"bearer.{access_token(account_id)}")]
    async with open_socket(sockets, "/ws/fields", subprotocols=offered) as socket:
        names = {name.lower() for name, _ in json.loads(await socket.recv())}

        assert socket.subprotocol == "bearer"
    assert "sec-websocket-protocol" not in names


async def test_two_tokens_are_refused(sockets: Gateway, account_id: UUID) -> None:
    one, other = (Subprotocol(f"bearer.{access_token(account_id)}{end}") for end in ("", "x"))

    twice = await refusal_of(open_socket(sockets, "/ws/echo", subprotocols=[one, other]))
    in_both = await refusal_of(open_socket(sockets, "/ws/echo", access_token(account_id), subprotocols=[one]))

    assert twice == in_both == (400, "field_repeated")


@pytest.mark.parametrize(
    ("origin", "path", "outcome"),
    [
        (ORIGIN, "/ws/echo", "let in"),
        ("http://localhost:PORT", "/ws/echo", "let in"),
        ("https://evil.example", "/ws/echo", (403, "origin_not_allowed")),
        ("null", "/ws/echo", (403, "origin_not_allowed")),
        (None, "/ws/echo", (403, "origin_not_allowed")),  # no browser says so: cookies alone are not enough
        ("https://evil.example", "/public/echo", "let in"),
    ],
)
async def test_a_session_in_cookies_is_for_pages_of_allowed_origins(
    sockets: Gateway, account_id: UUID, origin: str | None, path: str, outcome: Any
) -> None:
    fields = {"Cookie": f"{delivery.ACCESS_COOKIE}={access_token(account_id)}"}
    if origin is not None:
        origin = origin.replace("PORT", str(sockets.port))
    connecting = connect(
        f"ws://localhost:{sockets.port}{path}",
        host="127.0.0.1",
        additional_headers=fields,
        origin=Origin(origin) if origin else None,
    )
    if outcome != "let in":
        assert await refusal_of(connecting) == outcome
        return
    async with connecting as socket:
        await socket.send("x")
        assert await socket.recv() == "x"


async def test_a_foreign_page_is_refused_with_a_token_too(sockets: Gateway, account_id: UUID) -> None:
    connecting = open_socket(
        sockets, "/ws/echo", access_token(account_id), origin=Origin("https://evil.example")
    )

    assert await refusal_of(connecting) == (403, "origin_not_allowed")


async def test_where_any_page_may_come_it_comes_without_cookies(sockets: Gateway) -> None:
    async with open_socket(
        sockets, "/public/fields", fields={"Cookie": "own=1"}, origin=Origin("https://evil.example")
    ) as socket:
        names = {name.lower() for name, _ in json.loads(await socket.recv())}

    assert "cookie" not in names


async def test_a_caller_has_so_many_sockets_and_no_more(sockets: Gateway, account_id: UUID) -> None:
    token = access_token(account_id)
    opened = [await open_socket(sockets, "/ws/echo", token) for _ in range(20)]

    assert await refusal_of(open_socket(sockets, "/ws/echo", token)) == (429, "too_many_websockets")
    async with open_socket(sockets, "/ws/echo", access_token(new_id())):
        pass  # others have their own
    for socket in opened:
        await socket.close()
    await until_let_in(sockets, "/ws/echo", token)


async def until_let_in(gateway: Gateway, path: str, token: str) -> None:
    """Once the gateway has seen the close of one of the sockets."""
    async with asyncio.timeout(30):
        while True:
            with suppress(InvalidStatus):
                async with open_socket(gateway, path, token):
                    return


# -- what ends it


def revoke(redis_url: str, member: str) -> None:
    expires_at = time.time() + 900
    with Redis.from_url(redis_url) as redis:
        redis.zadd(tokens.REVOCATION_SET, {member: expires_at})
        redis.publish(tokens.REVOCATION_CHANNEL, orjson.dumps({"member": member, "expires_at": expires_at}))


@pytest.mark.parametrize("kind", ["session", "account"])
async def test_a_revoked_caller_s_sockets_are_closed(sockets: Gateway, redis_url: str, kind: str) -> None:
    account, session, other = new_id(), str(new_id()), access_token(new_id())
    token = access_token(account, claims={"sid": session})
    member = f"session:{session}" if kind == "session" else f"account:{account}:v2"
    async with (
        open_socket(sockets, "/ws/echo", token) as socket,
        open_socket(sockets, "/ws/flood", token) as busy,
        open_socket(sockets, "/ws/echo", other) as others,
    ):
        began = time.monotonic()
        await asyncio.to_thread(revoke, redis_url, member)

        assert await end_of(socket) == (1008, "the session has ended")
        seconds = time.monotonic() - began
        assert await end_of(busy) == (1008, "the session has ended")
        await others.send("x")
        assert await others.recv() == "x"
    assert seconds < 30  # a second where the machine has one to spare: `python -m tests.gateway.websockets`


async def test_a_socket_lives_no_longer_than_the_token_that_opened_it(
    sockets: Gateway, account_id: UUID
) -> None:
    token = access_token(account_id, claims={"exp": int(time.time()) + 2})
    async with open_socket(sockets, "/ws/echo", token) as socket:
        assert await end_of(socket) == (1008, "the token has expired")


async def test_an_idle_socket_is_closed(sockets: Gateway) -> None:
    async with open_socket(sockets, "/idle/echo") as socket:
        assert await end_of(socket) == (1001, "idle")


async def test_a_stop_closes_with_1001(
    start_gateway: StartGateway, upstream: Upstream, service: SocketService
) -> None:
    gateway = start_gateway(routes=routes_for(service, upstream))
    path = f"/ws/echo/{new_id()}"
    async with open_socket(gateway, path.replace("/ws", "/public")) as socket:
        gateway.signal(signal.SIGTERM)

        assert (await end_of(socket))[0] == 1001
    assert await asyncio.to_thread(gateway.process.wait, 30) == 0
    await asyncio.to_thread(wait_until, lambda: (path, 1001) in service.closed, what="the close", seconds=30)
    (line,) = [orjson.loads(one) for one in gateway.lines().splitlines() if '"route":"public"' in one]
    assert (line["status"], line["close_code"], line["messages_in"]) == (101, 1001, 0)


async def test_both_sides_may_speak_tls(
    start_gateway: StartGateway, upstream: Upstream, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("localhost")
    encrypted = SocketService(certificate)
    encrypted.start()
    routes = routes_for(encrypted, upstream).replace(
        "[upstreams.raw]", f'ca_file = "{authority.file}"\n[upstreams.raw]'
    )
    gateway = start_gateway(routes=routes, GATEWAY_TLS_CERTIFICATE_FILE=str(certificate))
    context = ssl.create_default_context(cafile=authority.file)
    messages = ["x" * 60_000, b"y", "z" * 60_000]
    url = f"wss://localhost:{gateway.port}/ws/echo"
    fields = bearer(access_token(new_id()))
    async with connect(url, host="127.0.0.1", ssl=context, additional_headers=fields) as socket:
        for message in messages:
            await socket.send(message)
        received = [await socket.recv() for _ in messages]
        gateway.signal(signal.SIGTERM)
        end = await end_of(socket)
    await asyncio.to_thread(encrypted.stop)

    assert received == messages
    assert end == (1001, "the server stops")


# -- attacks


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (handshake("/public/echo", key=""), 400, "handshake_invalid"),
        (handshake("/public/echo", key="Sec-WebSocket-Key: short\r\n"), 400, "handshake_invalid"),
        (handshake("/public/echo", f"Sec-WebSocket-Key: {KEY}\r\n"), 400, "field_repeated"),
        (handshake("/public/echo", version="8"), 426, "websocket_version_unknown"),
        (handshake("/public/echo", "Upgrade: h2c\r\n"), 400, "handshake_invalid"),
        (handshake("/public/echo", "Content-Length: 70\r\n"), 400, "handshake_invalid"),
        (
            handshake("/public/echo", "Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
            400,
            "handshake_invalid",
        ),
        (handshake("/public/echo").replace(b"Connection: Upgrade\r\n", b""), 400, "handshake_invalid"),
        (handshake("/public/echo").replace(b"GET", b"POST"), 400, "handshake_invalid"),
        (handshake("/plain/x", key=""), 501, "upgrade_not_supported"),
        (handshake("/ws/echo"), 401, "token_missing"),
        (handshake("/limited/../public"), 501, "upgrade_not_supported"),
        (handshake("/public/echo", "Authorization: a\r\nAuthorization: b\r\n"), 400, "field_repeated"),
    ],
)
async def test_behind_a_refused_handshake_nothing_is_read(
    sockets: Gateway, upstream: Upstream, request_bytes: bytes, status: int, code: str
) -> None:
    wire = await Wire.connect(sockets.port)
    await wire.send(request_bytes + SMUGGLED)

    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()

    assert (answer.status, orjson.loads(answer.body)["code"]) == (status, code)
    assert (answer.is_last, rest) == (True, b"")
    assert upstream.at("/plain/smuggled") == []


@pytest.mark.parametrize("status", [200, 403, 503])
async def test_a_service_that_answers_by_http_is_passed_on(
    sockets: Gateway, upstream: Upstream, status: int
) -> None:
    wire = await Wire.connect(sockets.port)
    await wire.send(handshake(f"/public/refuse/{status}") + SMUGGLED)

    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()

    assert (answer.status, answer.body, answer.is_last, rest) == (status, b"not here\n", True, b"")
    assert upstream.at("/plain/smuggled") == []


BROKEN = {
    "a wrong accept": (lambda request: accepting(request, accept="x" * 28), "http_protocol_error"),
    "an extension": (
        lambda request: accepting(request, "Sec-WebSocket-Extensions: permessage-deflate"),
        "http_protocol_error",
    ),
    "a subprotocol": (
        lambda request: accepting(request, "Sec-WebSocket-Protocol: own"),
        "http_protocol_error",
    ),
    "another protocol": (
        lambda request: accepting(request).replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        "http_protocol_error",
    ),
    "nothing": (lambda _request: b"", "connection_terminated"),
    "no HTTP": (lambda _request: b"hello\r\n\r\n", "http_protocol_error"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_service_that_breaks_the_handshake_is_a_bad_gateway(
    sockets: Gateway, upstream: Upstream, name: str
) -> None:
    answer, fault = BROKEN[name]

    async def break_it(
        request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(answer(request))
        await writer.drain()
        writer.close()

    upstream.handlers["/raw/x"] = break_it
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(sockets, "/raw/x")

    response = refused.value.response
    assert response.status_code == 502
    assert response.headers["proxy-status"] == f"doorward; error={fault}"


async def test_a_service_that_lets_a_handshake_wait_is_too_late(sockets: Gateway, upstream: Upstream) -> None:
    async def wait(_request: Received, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    upstream.handlers["/raw/wait"] = wait

    assert await refusal_of(open_socket(sockets, "/raw/wait", open_timeout=60)) == (504, "gateway_timeout")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x81\x85\0\0\0\0hello", 1002),  # masked
        (b"\x81\x02\xff\xfe", 1007),
        (b"\xc1\x01x", 1002),
        (b"\x82\x7f" + struct.pack("!Q", 2**40), 1009),
    ],
)
async def test_a_service_that_breaks_the_rules_is_told_so_and_left(
    sockets: Gateway, upstream: Upstream, frames: bytes, code: int
) -> None:
    told: list[bytes] = []

    async def speak(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(request) + b"\x81\x02hi" + frames)  # all at once with the 101
        told.append(await reader.readexactly(8))
        writer.close()

    upstream.handlers["/raw/speak"] = speak
    async with open_socket(sockets, "/raw/speak") as socket:
        assert await socket.recv() == "hi"
        assert await end_of(socket) == (1011, "the service broke off")
    await asyncio.to_thread(wait_until, lambda: told, what="the close", seconds=30)
    frame, mask = told[0], told[0][2:6]
    assert frame[0] == 0x88
    assert struct.unpack("!H", bytes(a ^ b for a, b in zip(frame[6:], mask, strict=False))) == (code,)


async def test_a_message_that_is_too_long_for_its_route_ends_the_socket(sockets: Gateway) -> None:
    async with open_socket(sockets, "/public/echo") as socket:
        await socket.send(b"x" * 1000)
        await socket.recv()
        await socket.send(b"x" * 1001)

        assert (await end_of(socket))[0] == 1009


async def test_an_unmasked_frame_ends_the_socket_and_is_not_passed_on(sockets: Gateway) -> None:
    wire = await Wire.connect(sockets.port)
    await wire.send(handshake("/public/echo"))
    await wire.reader.readuntil(b"\r\n\r\n")
    await wire.send(b"\x81\x05hello")

    rest = await wire.reader.read()
    wire.close()

    assert rest[:1] + rest[2:4] == b"\x88" + struct.pack("!H", 1002)


# -- what is reported


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


# -- the trial, in short


async def test_many_sockets_cost_little_and_lose_nothing(redis_url: str, tmp_path: Path) -> None:
    with websockets.started(redis_url, tmp_path) as gateway:
        found = await websockets.play(gateway, redis_url, idle=200, messages=4_000)

    assert websockets.mistakes(replace(found, revoked_seconds=0)) == []  # a loaded machine may take longer
    assert found.sent == 4_000
