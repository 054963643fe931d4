"""What slow uploads do to everybody else: `python -m tests.gateway.slow_uploads`

Starts a gateway in front of a service that has eight threads, and asks ordinary things all the while, at even
distances: first alone, then beside eight clients that send 66 KB of a body and the rest drop by drop. Every
ordinary request has to be answered 200, the breaker of the service has to stay closed, and the 99th
percentile of their times may at most double.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from shared.chassis.testing import servers
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import stop_all
from tests.gateway.conftest import Gateway, new_gateway, pulse
from tests.gateway.echo import Upstream
from tests.gateway.wire import Wire

THREADS = 8
UPLOADS = 8
SENT_AT_ONCE = 66_000
PROMISED = 200_000
DROP = b"x" * 75
DROP_SECONDS = 0.1
CLIENTS = 4
INTERVAL_SECONDS = 0.02  # of one client
MOST_TIMES = 2.0
ROUTES = """
standalone = true
[upstreams.u]
urls = ["${USERS_URL}"]
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
access = "public"
"""


@dataclass(frozen=True)
class Found:
    """What was seen."""

    statuses: dict[int, int]
    breakers_open: float
    p99_without_ms: float
    p99_with_ms: float
    uploads: set[int]  # the statuses of those that went on to their end


@contextmanager
def threaded_service() -> Iterator[str]:
    """A service on gunicorn with as many threads as ours have: it answers how many bytes it was sent."""
    port = free_port()
    arguments = ["--worker-class", "gthread", "--threads", str(THREADS), "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *arguments, "tests.gateway.counting_service:app"],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(port), what="the service", seconds=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop_all(process)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def started(redis_url: str, folder: Path) -> Iterator[Gateway]:
    """A gateway in front of such a service."""
    routes = folder / "routes.toml"
    routes.write_text(ROUTES)
    with threaded_service() as url, pulse(redis_url):
        upstream = Upstream(port=int(url.rpartition(":")[2]))
        settings = {"GATEWAY_ROUTES_FILE": str(routes)}
        gateway = new_gateway(redis_url, upstream, folder / "gateway.log", settings)
        gateway.start()
        try:
            yield gateway
        finally:
            gateway.stop()


async def play(gateway: Gateway, *, seconds: float) -> Found:
    """Ordinary requests for so long without slow uploads, and for as long beside them."""
    await _ask_all(gateway, 0.5)  # what is done once is done
    without = await _ask_all(gateway, seconds)
    async with _uploading(gateway) as uploads:
        beside = await _ask_all(gateway, seconds)
    statuses = Counter(status for status, _ in [*without, *beside])
    breakers_open = _breakers_open(gateway)
    return Found(dict(statuses), breakers_open, _p99(without), _p99(beside), uploads)


@asynccontextmanager
async def _uploading(gateway: Gateway) -> AsyncIterator[set[int]]:
    """Slow uploads under way; behind it, the statuses of those that then come to their end."""
    wires = [await Wire.connect(gateway.port) for _ in range(UPLOADS)]
    for wire in wires:
        head = f"POST /x/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {PROMISED}\r\n\r\n"
        await wire.send(head.encode() + b"x" * SENT_AT_ONCE)
    sent = [SENT_AT_ONCE] * UPLOADS
    dripping = asyncio.create_task(_drip(wires, sent))
    statuses: set[int] = set()
    yield statuses
    dripping.cancel()
    for wire, already in zip(wires, sent, strict=True):
        await wire.send(b"x" * (PROMISED - already))
        statuses.add((await wire.receive()).status)
        wire.close()


async def _drip(wires: list[Wire], sent: list[int]) -> None:
    while True:
        await asyncio.sleep(DROP_SECONDS)
        for number, wire in enumerate(wires):
            wire.writer.write(DROP)
            sent[number] += len(DROP)


async def _ask_all(gateway: Gateway, seconds: float) -> list[tuple[int, float]]:
    """Status and milliseconds of every request."""
    clients = (_ask(gateway, seconds, number) for number in range(CLIENTS))
    return [one for answers in await asyncio.gather(*clients) for one in answers]


async def _ask(gateway: Gateway, seconds: float, number: int) -> list[tuple[int, float]]:
    """At even distances; a request that is sent late because the one before was slow counts from its time."""
    wire = await Wire.connect(gateway.port)
    answers = []
    due = time.monotonic() + INTERVAL_SECONDS * number / CLIENTS
    end = due + seconds
    while due < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        answer = await wire.get("/x/ordinary")
        answers.append((answer.status, (time.monotonic() - due) * 1000))
        due += INTERVAL_SECONDS
    wire.close()
    return answers


def _p99(answers: list[tuple[int, float]]) -> float:
    times = sorted(milliseconds for _, milliseconds in answers)
    return times[int(len(times) * 0.99)]


def _breakers_open(gateway: Gateway) -> float:
    text = httpx.get(gateway.metrics_url).text
    found = re.findall(r'^doorward_gateway_breakers_open{.*upstream="u".*} (\S+)$', text, re.MULTILINE)
    assert found, text
    return sum(map(float, found))


def mistakes(found: Found) -> list[str]:
    """What is not as it must be, however busy the machine is."""
    wrong = {
        f"ordinary requests were answered {found.statuses}": found.statuses.keys() != {200},
        "a breaker is open": found.breakers_open > 0,
        f"uploads were answered {found.uploads}": found.uploads != {200},
    }
    return [sentence for sentence, is_wrong in wrong.items() if is_wrong]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    pair = servers.Servers(servers.choose_kind())
    with (
        closing(pair),
        tempfile.TemporaryDirectory() as folder,
        started(pair.redis.url(), Path(folder)) as gateway,
    ):
        found = asyncio.run(play(gateway, seconds=arguments.seconds))
    sys.stdout.write(f"{found}\n")
    wrong = mistakes(found)
    if found.p99_with_ms > MOST_TIMES * found.p99_without_ms:
        wrong.append("the 99th percentile has more than doubled")
    if wrong:
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    main()
