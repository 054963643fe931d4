"""What ends a WebSocket: a revoked or expired token, idleness, a stop; with TLS on both sides."""

import asyncio
import signal
import ssl
import time
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from redis import Redis
from websockets.asyncio.client import connect

from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import access_token, bearer
from shared.contracts import tokens
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import Upstream
from tests.gateway.socket_service import SocketService
from tests.gateway.sockets.conftest import routes_for
from tests.gateway.sockets.opening import end_of, open_socket
from tests.gateway.tls_upstream import Authority


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
