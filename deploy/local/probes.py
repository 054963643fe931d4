"""When a process counts as ready: it does its work, and not merely runs."""

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path

from deploy.local.ports import HOST
from deploy.local.program import Probe

ANSWER_SECONDS = 5.0


def http(port: int, path: str) -> Probe:
    """Ready when a GET of the path is answered 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode()

    async def is_ready(_pid: int) -> bool:
        answer = await _ask(port, request)
        return answer.split(b" ")[1:2] == [b"200"]

    return is_ready


async def services_away(gateway_port: int) -> list[str]:
    """The services that the gateway does without for now."""
    request = f"GET /readyz HTTP/1.1\r\nHost: {HOST}:{gateway_port}\r\nConnection: close\r\n\r\n".encode()
    body = (await _ask(gateway_port, request)).partition(b"\r\n\r\n")[2]
    try:
        listed = json.loads(body).get("optional", {})
    except (ValueError, AttributeError):
        return []
    return sorted(name for name, result in listed.items() if result != "pass")


def redis(port: int, password: str) -> Probe:
    """Ready when a PING is answered; while it loads its data it is not."""
    request = f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode()

    async def is_ready(_pid: int) -> bool:
        return b"+PONG\r\n" in await _ask(port, request)

    return is_ready


def postgres(cluster: Path) -> Probe:
    """Ready when the postmaster has written so into its pid file."""

    async def is_ready(pid: int) -> bool:
        with suppress(OSError):
            lines = (cluster / "postmaster.pid").read_text().splitlines()
            return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
        return False

    return is_ready


def touched(path: Path) -> Probe:
    """Ready when the file has been touched since the probe was first asked: a worker's heartbeat."""
    first_asked: dict[int, float] = {}

    async def is_ready(pid: int) -> bool:
        asked_at = first_asked.setdefault(pid, time.time())
        with suppress(OSError):
            return path.stat().st_mtime >= asked_at  # noqa: ASYNC240  (memory, not disk)
        return False

    return is_ready


async def _ask(port: int, request: bytes) -> bytes:
    """All that comes back until the other side closes; nothing where there is no answer."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(request)
                return await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""
