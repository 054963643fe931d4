"""The load: h2load where it is installed, else a loop of our own that is slower and measures alike."""

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

CONNECTIONS = 32
PATH = "/api/v1/users/me"
# Requests differ, as those of people do: what remembers the bytes of the last one gains nothing by it.
PATHS = [f"{PATH}?page={number}" for number in range(1, 65)]


def is_h2load_here() -> bool:
    """Whether Debian's nghttp2-client, or its like, is installed."""
    return shutil.which("h2load") is not None


def full(port: int, headers: dict[str, str], seconds: float) -> tuple[float, int]:
    """Requests a second when every connection asks as fast as it is answered, and how many there were."""
    if not is_h2load_here():
        times = asyncio.run(_ask(port, headers, seconds=seconds, interval=0.0))
        return len(times) / seconds, len(times)
    text = _h2load(port, headers, f"-D{seconds}", "--warm-up-time=1")
    match = re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", text)
    assert match is not None, text
    return float(match[1]), round(float(match[1]) * seconds)


def half(port: int, headers: dict[str, str], rate: float, seconds: float) -> tuple[float, float]:
    """The median and the 99th percentile in milliseconds at half of ``rate``, sent at even distances."""
    per_client = max(1.0, rate / 2 / CONNECTIONS)
    if is_h2load_here():
        times = _paced(port, headers, per_client, int(per_client * CONNECTIONS * seconds))
    else:
        times = asyncio.run(_ask(port, headers, seconds=seconds, interval=1 / per_client))
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)]


def _h2load(port: int, headers: dict[str, str], *options: str) -> str:
    command = ["h2load", "--h1", "-t1", f"-c{CONNECTIONS}", *options]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    urls = [f"http://127.0.0.1:{port}{path}" for path in PATHS]
    done = subprocess.run([*command, *urls], capture_output=True, text=True, check=True)
    failed = re.search(r"(\d+) failed, (\d+) errored", done.stdout)
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", done.stdout)
    assert failed is not None, done.stdout
    assert statuses is not None, done.stdout
    assert failed[1] == failed[2] == statuses[3] == statuses[4] == "0", done.stdout
    return done.stdout


def _paced(port: int, headers: dict[str, str], per_client: float, count: int) -> list[float]:
    with tempfile.NamedTemporaryFile() as log:
        _h2load(port, headers, f"-n{count}", f"--rps={per_client:.2f}", f"--log-file={log.name}")
        return [int(line.split("\t")[2]) / 1000 for line in Path(log.name).read_text().splitlines()]


async def _ask(port: int, headers: dict[str, str], *, seconds: float, interval: float) -> list[float]:
    """Milliseconds of every request; with an ``interval`` each is sent when it is due, not before."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode() for path in PATHS]
    end = time.monotonic() + seconds
    clients = [_client(port, requests, end, interval, number) for number in range(CONNECTIONS)]
    return [one for times in await asyncio.gather(*clients) for one in times]


async def _client(port: int, requests: list[bytes], end: float, interval: float, number: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times: list[float] = []
    due = time.monotonic() + interval * number / CONNECTIONS
    while due < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        writer.write(requests[len(times) % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert b" 200 " in head[:16], head
        assert length is not None, head
        await reader.readexactly(int(length[1]))
        now = time.monotonic()
        times.append((now - due) * 1000)
        due = due + interval if interval else now
    writer.close()
    return times
