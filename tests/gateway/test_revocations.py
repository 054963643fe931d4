"""A dead session's token is refused within a second, whatever Redis has been through."""

# ruff: noqa: ASYNC110

import asyncio
import re
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import pairwise
from threading import Thread
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
import uvloop
from redis import Redis
from structlog.testing import capture_logs

from gateway import revocations
from gateway.revocations import Revocations
from gateway.route_file import DEFAULT_FILE
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import access_token, bearer
from shared.contracts import tokens
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import Received, Upstream
from tests.gateway.wire import Wire

ME = "/api/v1/users/me"
STREAM = "/api/v1/notifications/inbox/stream"


def revoke(redis_url: str, member: str, *, quietly: bool = False) -> float:
    """As auth does; ``quietly`` leaves the message out. The time at which it was done."""
    expires_at = int(time.time()) + 900
    with Redis.from_url(redis_url) as redis:
        redis.zadd(tokens.REVOCATION_SET, {member: expires_at})
        if not quietly:
            redis.publish(
                tokens.REVOCATION_CHANNEL, orjson.dumps({"member": member, "expires_at": expires_at})
            )
    return time.monotonic()


def unlimited() -> str:
    """The shipped routes without limits that would end a constant use: a fast machine exceeds them."""
    return re.sub(r"^quota = \d+$", "quota = 1000000", DEFAULT_FILE.read_text(), flags=re.MULTILINE)


async def use(port: int, headers: dict[str, str], stop: asyncio.Event, accepted: list[float]) -> None:
    """Use a token all the time; ``accepted`` has when each request left that was (it was judged later)."""
    wire = await Wire.connect(port)
    while not stop.is_set():
        sent_at = time.monotonic()
        answer = await wire.get(ME, headers)
        if answer.status == 200:
            accepted.append(sent_at)
        await asyncio.sleep(0.02)
    wire.close()


async def last_use_after(
    port: int, headers: dict[str, str], users: int, revoke_it: Callable[[], float]
) -> float:
    """How long after ``revoke_it`` a token was accepted that ``users`` connections use all the time."""
    stop = asyncio.Event()
    uses: list[list[float]] = [[] for _ in range(users)]
    using = [asyncio.create_task(use(port, headers, stop, accepted)) for accepted in uses]
    while not all(uses):
        await asyncio.sleep(0.02)
    revoked_at = await asyncio.to_thread(revoke_it)
    await asyncio.sleep(1.5)
    stop.set()
    await asyncio.gather(*using)
    return max(accepted[-1] for accepted in uses) - revoked_at


@pytest.mark.parametrize("kind", ["session", "account"])
async def test_a_revoked_token_is_refused_by_every_worker_within_a_second(
    start_gateway: StartGateway, redis_url: str, kind: str
) -> None:
    gateway = start_gateway(routes=unlimited(), GATEWAY_WORKERS="4")
    account, session = new_id(), str(new_id())
    headers = bearer(access_token(account, claims={"sid": session}))
    member = f"session:{session}" if kind == "session" else f"account:{account}:v2"

    seconds = await last_use_after(gateway.port, headers, 12, partial(revoke, redis_url, member))

    assert seconds < 1


async def test_a_token_issued_after_the_account_was_signed_out_is_good(
    start_gateway: StartGateway, redis_url: str
) -> None:
    gateway = start_gateway()
    account = new_id()
    revoke(redis_url, f"account:{account}:{int(time.time()) - 10}")
    await asyncio.sleep(0.2)
    wire = await Wire.connect(gateway.port)

    answer = await wire.get(ME, bearer(access_token(account)))
    wire.close()

    assert answer.status == 200


async def test_a_gateway_that_starts_knows_what_was_revoked_before(
    start_gateway: StartGateway, redis_url: str
) -> None:
    session = str(new_id())
    revoke(redis_url, f"session:{session}", quietly=True)
    gateway = start_gateway()
    wire = await Wire.connect(gateway.port)

    answer = await wire.get(ME, bearer(access_token(new_id(), claims={"sid": session})))
    public = await wire.get(
        "/api/v1/auth/x", bearer(access_token(new_id(), claims={"sid": session})), method="POST"
    )
    wire.close()

    assert (answer.status, orjson.loads(answer.body)["code"]) == (401, "token_revoked")
    assert public.status == 200
    assert "authorization" not in dict(orjson.loads(public.body)["headers"])  # its service may not know


@pytest.mark.parametrize("kind", ["session", "account"])
async def test_an_open_stream_ends_with_the_session_or_account_that_it_is_for(
    start_gateway: StartGateway, upstream: Upstream, redis_url: str, kind: str
) -> None:
    upstream.handlers[STREAM] = endless
    gateway = start_gateway(GATEWAY_WORKERS="2")
    account, session, other = new_id(), str(new_id()), str(new_id())
    streams = [
        await opened(gateway, bearer(access_token(account, claims={"sid": session}))) for _ in range(4)
    ]
    others = await opened(gateway, bearer(access_token(new_id(), claims={"sid": other})))

    member = f"session:{session}" if kind == "session" else f"account:{account}:v2"
    await asyncio.to_thread(revoke, redis_url, member)

    async with asyncio.timeout(10):
        for wire in streams:
            rest = await wire.reader.read()
            assert not rest.endswith(b"0\r\n\r\n")  # broken off, and not complete
    for _ in range(3):
        await others.reader.readuntil(b"data: 1\n\n")  # it goes on
    await asyncio.to_thread(revoke, redis_url, f"session:{other}")
    async with asyncio.timeout(10):
        await others.reader.read()
    assert "upstream_broke_off" not in gateway.lines()  # and nobody blames the service
    for wire in (*streams, others):
        wire.close()


@pytest.mark.parametrize(
    ("method", "length", "is_whole"),
    [("DELETE", 4, True), ("DELETE", 70_000, True), ("GET", 4, True), ("GET", 70_000, False)],
)
async def test_only_a_long_answer_to_a_question_is_cut_off_by_the_end_of_its_session(
    start_gateway: StartGateway, upstream: Upstream, redis_url: str, method: str, length: int, is_whole: bool
) -> None:
    """What changes something may be the revocation itself; what is short is as good as there."""
    session = str(new_id())
    body = b"x" * length

    async def end(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length + body[:2])
        await writer.drain()
        await asyncio.to_thread(revoke, redis_url, f"session:{session}")
        await asyncio.to_thread(wait_until, is_known, what="the revocation")
        writer.write(body[2:])

    upstream.handlers[ME] = end
    gateway = start_gateway()
    headers = bearer(access_token(new_id(), claims={"sid": session}))

    def is_known() -> bool:
        return httpx.get(f"{gateway.url}/api/v1/users/other", headers=headers).status_code == 401

    wire = await Wire.connect(gateway.port)
    if is_whole:
        answer = await wire.get(ME, headers, method=method)
        assert (answer.status, answer.body) == (200, body)
    else:
        with pytest.raises(asyncio.IncompleteReadError):
            await wire.get(ME, headers, method=method)
    wire.close()


async def endless(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"data: 1\n\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def opened(gateway: Gateway, headers: dict[str, str]) -> Wire:
    """A connection on which events arrive."""
    wire = await Wire.connect(gateway.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    await wire.send(f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
    await wire.reader.readuntil(b"data: 1\n\n")
    return wire


class LargeSet:
    """Takes the place of Redis: a set that is read by parts as large as is asked for."""

    def __init__(self, size: int) -> None:
        self._size = size

    async def zscan(self, _name: str, cursor: int, *, count: int) -> tuple[int, list[tuple[bytes, float]]]:
        await asyncio.sleep(0)  # as for any answer from elsewhere
        end = min(cursor + count, self._size)
        entries = [(b"session:%d" % number, time.time() + 900) for number in range(cursor, end)]
        return end % self._size, entries


async def test_requests_are_answered_while_a_large_set_is_read() -> None:
    """Other work has its turn after 500 entries at most, which take a few milliseconds."""
    deny_set = Revocations("redis://127.0.0.1:1/0")
    learned: list[str] = []
    at_turns = [0]
    deny_set.on_news = learned.append

    async def take_turns() -> None:
        while len(learned) < 60_000:
            at_turns.append(len(learned))
            await asyncio.sleep(0)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(take_turns())
        tasks.create_task(deny_set._sync(LargeSet(60_000)))  # type: ignore[arg-type]

    assert len(set(learned)) == 60_000
    at_turns.append(len(learned))
    assert max(later - earlier for earlier, later in pairwise(at_turns)) <= 500


def both_listen(redis_server: PrivateRedis) -> bool:
    with redis_server.client() as redis:
        return redis.pubsub_numsub(tokens.REVOCATION_CHANNEL)[0][1] == 2


async def test_a_restart_of_redis_revives_nobody_and_delays_nothing(
    start_gateway: StartGateway, private_redis: PrivateRedis
) -> None:
    gateway = start_gateway(routes=unlimited(), REDIS_URL=private_redis.url(), GATEWAY_WORKERS="2")
    before, after = str(new_id()), str(new_id())
    await asyncio.to_thread(wait_until, partial(both_listen, private_redis), what="both workers")
    revoke(private_redis.url(), f"session:{before}")

    private_redis.stop()
    private_redis.start()
    with Redis.from_url(private_redis.url()) as redis:
        redis.flushall()
    headers = bearer(access_token(new_id(), claims={"sid": after}))
    seconds = await last_use_after(
        gateway.port, headers, 6, partial(revoke, private_redis.url(), f"session:{after}")
    )
    wire = await Wire.connect(gateway.port)
    old = await wire.get(ME, bearer(access_token(new_id(), claims={"sid": before})))
    wire.close()

    assert seconds < 1
    assert old.status == 401


class HangsUp(Thread):
    """Accepts at Redis's address and resets: so does the proxy of a container that is not there yet."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        parts = urlsplit(url)
        self.accepted = 0
        self._listener = socket.create_server((parts.hostname or "", parts.port or 0))

    def run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                self.accepted += 1

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def test_a_redis_whose_proxy_hangs_up_meanwhile_is_heard_when_it_is_back(
    private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "RETRY_SECONDS", 0.02)
    session = str(new_id())

    async def be_refused_and_then_hear() -> None:
        deny_set = Revocations(private_redis.url())
        private_redis.stop()
        proxy = HangsUp(private_redis.url())
        proxy.start()
        await deny_set.start()
        async with asyncio.timeout(30):
            while proxy.accepted < 30:
                await asyncio.sleep(0.01)
            proxy.stop()
            await asyncio.to_thread(private_redis.start)
            while not deny_set.is_current:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(revoke, private_redis.url(), f"session:{session}")
            while not deny_set.covers(session, "", 0, 0):
                await asyncio.sleep(0.01)
        await deny_set.stop()

    with capture_logs() as lines:
        uvloop.run(be_refused_and_then_hear())

    assert [line for line in lines if line["log_level"] == "error"] == []
