"""What WebSockets cost, and whether any message is lost: `python -m tests.gateway.websockets`

Starts a gateway with one worker in front of a service that echoes, and shows that idle sockets cost the
worker less than 40 KiB each; that those of revoked sessions are closed within a second, with 1008; that a
million messages come back, each once and in order; and that SIGTERM closes what is open with 1001.
"""

import argparse
import asyncio
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
from redis import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from shared.chassis.ids import new_id
from shared.chassis.testing import servers
from shared.chassis.testing.tokens import access_token, bearer
from shared.contracts import tokens
from tests.gateway.conftest import Gateway, new_gateway, pulse
from tests.gateway.echo import Upstream
from tests.gateway.socket_service import SocketService

ROUTES = """
standalone = true
[upstreams.sockets]
urls = "SOCKETS"
[[routes]]
name = "sockets"
prefix = "/ws"
upstream = "sockets"
websocket = true
"""
BATCH = 50
AHEAD = 100  # messages of one socket that are under way at once
MOST_KIB_EACH = 40.0
MOST_REVOKED_SECONDS = 1.0


@dataclass(frozen=True)
class Found:
    """What was seen."""

    kib_each: float
    revoked_seconds: float  # until the last of the revoked sockets was closed
    revoked_codes: set[int | None]
    sent: int
    lost: int
    out_of_order: int
    messages_a_second: float
    stop_codes: set[int | None]


@contextmanager
def started(redis_url: str, folder: Path) -> Iterator[Gateway]:
    """A gateway in front of an echo."""
    service = SocketService()
    service.start()
    routes = folder / "routes.toml"
    routes.write_text(ROUTES.replace("SOCKETS", service.url))
    settings = {
        "GATEWAY_ROUTES_FILE": str(routes),
        "GATEWAY_MOST_CONNECTIONS_BY_ADDRESS": "0",
        "GATEWAY_MOST_WEBSOCKETS_BY_CALLER": "10000",
    }
    gateway = new_gateway(redis_url, Upstream(port=service.port), folder / "gateway.log", settings)
    with pulse(redis_url):
        gateway.start()
        try:
            yield gateway
        finally:
            gateway.stop()
            service.stop()


async def play(gateway: Gateway, redis_url: str, *, idle: int, messages: int, talking: int = 8) -> Found:
    """All of it; the gateway is stopped at the end."""
    account = new_id()
    sessions = [str(new_id()) for _ in range(4)]
    first = await _open(gateway, account, sessions[0])  # what is there once is not counted to the others
    await first.send("x")
    await first.recv()
    before = _resident_kib(gateway)
    opened: list[tuple[str, ClientConnection]] = [(sessions[0], first)]
    while len(opened) <= idle:
        batch = [sessions[number % 4] for number in range(min(BATCH, idle + 1 - len(opened)))]
        sockets = await asyncio.gather(*(_open(gateway, account, session) for session in batch))
        opened += zip(batch, sockets, strict=True)
    kib_each = (_resident_kib(gateway) - before) / idle

    revoked = [socket for session, socket in opened if session == sessions[1]]
    seconds = await _revoke(redis_url, sessions[1], revoked)

    rest = [socket for session, socket in opened if session != sessions[1]]
    began = time.monotonic()
    counts = await asyncio.gather(*(_talk(socket, messages // talking) for socket in rest[:talking]))
    spent = time.monotonic() - began

    gateway.signal(signal.SIGTERM)
    await asyncio.gather(*(socket.wait_closed() for socket in rest))
    return Found(
        kib_each,
        seconds,
        {socket.close_code for socket in revoked},
        sent=messages // talking * talking,
        lost=sum(lost for lost, _ in counts),
        out_of_order=sum(wrong for _, wrong in counts),
        messages_a_second=messages / spent,
        stop_codes={socket.close_code for socket in rest},
    )


async def _open(gateway: Gateway, account: UUID, session: str) -> ClientConnection:
    token = access_token(account, claims={"sid": session})
    return await connect(
        f"ws://127.0.0.1:{gateway.port}/ws/echo",
        additional_headers=bearer(token),
        compression=None,
        ping_interval=None,
        open_timeout=60,
    )


async def _revoke(redis_url: str, session: str, sockets: list[ClientConnection]) -> float:
    """How long it takes until all are closed."""
    began = time.monotonic()
    news = {"member": f"session:{session}", "expires_at": time.time() + 900}
    with Redis.from_url(redis_url) as redis:
        redis.zadd(tokens.REVOCATION_SET, {news["member"]: news["expires_at"]})
        redis.publish(tokens.REVOCATION_CHANNEL, orjson.dumps(news))
    await asyncio.gather(*(socket.wait_closed() for socket in sockets))
    return time.monotonic() - began


async def _talk(socket: ClientConnection, messages: int) -> tuple[int, int]:
    """Send so many, text and binary in turns; how many did not come back, and how many not in their turn."""
    room = asyncio.Semaphore(AHEAD)
    lost, out_of_order = messages, 0

    async def send() -> None:
        for number in range(messages):
            await room.acquire()
            await socket.send(_message(number))

    sending = asyncio.create_task(send())
    try:
        for number in range(messages):
            out_of_order += await socket.recv() != _message(number)
            lost -= 1
            room.release()
    except ConnectionClosed:
        pass
    finally:
        sending.cancel()
    return lost, out_of_order


def _message(number: int) -> str | bytes:
    data = struct.pack("!Q", number) * (number % 16 + 1)
    return data if number % 2 else data.hex()


def _resident_kib(gateway: Gateway) -> int:
    (worker,) = gateway.worker_pids()
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def mistakes(found: Found) -> list[str]:
    """What is not as it must be."""
    wrong = {
        f"an idle socket costs {found.kib_each:.1f} KiB": found.kib_each >= MOST_KIB_EACH,
        f"revoked sockets are closed with {found.revoked_codes}": found.revoked_codes != {1008},
        f"the last was closed after {found.revoked_seconds:.2f} s": found.revoked_seconds
        > MOST_REVOKED_SECONDS,
        f"{found.lost} messages are lost": found.lost > 0,
        f"{found.out_of_order} are out of order": found.out_of_order > 0,
        f"a stop closes with {found.stop_codes}": found.stop_codes != {1001},
    }
    return [sentence for sentence, is_wrong in wrong.items() if is_wrong]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=2_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    arguments = parser.parse_args()
    pair = servers.Servers(servers.choose_kind())
    redis_url = pair.redis.url()
    with closing(pair), tempfile.TemporaryDirectory() as folder, started(redis_url, Path(folder)) as gateway:
        playing = play(gateway, redis_url, idle=arguments.idle, messages=arguments.messages)
        found = asyncio.run(playing)
    sys.stdout.write(f"{found}\n")
    if wrong := mistakes(found):
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    main()
