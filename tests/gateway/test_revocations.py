"""A dead session's token is refused within a second, whatever Redis has been through."""

import asyncio
import time

import orjson
import pytest
from redis import Redis

from gateway.route_file import DEFAULT_FILE
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
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


async def use_until(port: int, headers: dict[str, str], stop_at: float) -> float:
    """Use a token all the time; when the last request that was accepted left (when it was judged is later)."""
    last = 0.0
    wire = await Wire.connect(port)
    while time.monotonic() < stop_at:
        sent_at = time.monotonic()
        answer = await wire.get(ME, headers)
        if answer.status == 200:
            last = sent_at
        elif answer.status == 429:
            break
        await asyncio.sleep(0.02)
    wire.close()
    return last


@pytest.mark.parametrize("kind", ["session", "account"])
async def test_a_revoked_token_is_refused_by_every_worker_within_a_second(
    start_gateway: StartGateway, redis_url: str, kind: str
) -> None:
    gateway = start_gateway(GATEWAY_WORKERS="4")
    account, session = new_id(), str(new_id())
    headers = bearer(access_token(account, claims={"sid": session}))
    stop_at = time.monotonic() + 2.5
    users = [asyncio.create_task(use_until(gateway.port, headers, stop_at)) for _ in range(12)]
    await asyncio.sleep(0.7)

    member = f"session:{session}" if kind == "session" else f"account:{account}:{int(time.time()) + 1}"
    revoked_at = await asyncio.to_thread(revoke, redis_url, member)
    last_uses = await asyncio.gather(*users)

    assert max(last_uses) - revoked_at < 1
    assert min(last_uses) > revoked_at - 0.7


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
    assert (public.status, orjson.loads(public.body)["code"]) == (401, "token_revoked")


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

    member = f"session:{session}" if kind == "session" else f"account:{account}:{int(time.time()) + 1}"
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


async def test_the_answer_to_what_ended_the_session_is_answered_to_its_end(
    start_gateway: StartGateway, upstream: Upstream, redis_url: str
) -> None:
    session = str(new_id())

    async def end(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        await writer.drain()
        await asyncio.to_thread(revoke, redis_url, f"session:{session}")
        await asyncio.sleep(0.3)  # until the gateway has heard of it
        writer.write(b"cd")

    upstream.handlers[ME] = end
    wire = await Wire.connect(start_gateway().port)

    answer = await wire.get(ME, bearer(access_token(new_id(), claims={"sid": session})), method="DELETE")
    wire.close()

    assert (answer.status, answer.body) == (200, b"abcd")


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


async def test_a_restart_of_redis_revives_nobody_and_delays_nothing(
    start_gateway: StartGateway, private_redis: PrivateRedis
) -> None:
    # No limit may end the constant use: on a fast machine it exceeds the shipped ones.
    routes = (
        DEFAULT_FILE.read_text()
        .replace("quota = 1200", "quota = 1000000")
        .replace("quota = 600", "quota = 1000000")
    )
    gateway = start_gateway(routes=routes, REDIS_URL=private_redis.url(), GATEWAY_WORKERS="2")
    before, after = str(new_id()), str(new_id())
    revoke(private_redis.url(), f"session:{before}")
    await asyncio.sleep(0.3)

    private_redis.stop()
    private_redis.start()
    with Redis.from_url(private_redis.url()) as redis:
        redis.flushall()
    stop_at = time.monotonic() + 3
    headers = bearer(access_token(new_id(), claims={"sid": after}))
    users = [asyncio.create_task(use_until(gateway.port, headers, stop_at)) for _ in range(6)]
    revoked_at = await asyncio.to_thread(revoke, private_redis.url(), f"session:{after}")
    last_uses = await asyncio.gather(*users)
    wire = await Wire.connect(gateway.port)
    old = await wire.get(ME, bearer(access_token(new_id(), claims={"sid": before})))
    wire.close()

    assert max(last_uses) - revoked_at < 1
    assert old.status == 401
