"""slowhttptest attacks a gateway: its connections wait, and nobody else does."""

import asyncio
import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

from shared.chassis.testing.servers import is_docker_required
from tests.gateway import echo
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import Received
from tests.gateway.wire import Wire

ATTACKERS = 400
SECONDS = 6
ROUTES = """
[upstreams.u]
urls = ["${USERS_URL}"]
most_outstanding = 200
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
access = "public"
"""
MODES = {
    "headers": ["-H", "-i", "1", "-x", "10"],
    "body": ["-B", "-i", "1", "-x", "10", "-s", "60000"],
    "read": ["-X", "-w", "64", "-y", "128", "-n", "1", "-z", "16", "-k", "3"],
}
# Fewer than the attackers: without a share for each address they would have all connections to themselves.
FEW = {"GATEWAY_MOST_CONNECTIONS": "300", "GATEWAY_MOST_CONNECTIONS_BY_ADDRESS": "250"}
SOMEBODY_ELSE = "127.0.0.2"


@pytest.fixture
def program() -> str:
    """slowhttptest, which Debian has a package of; where everything is required, its absence is a failure."""
    found = shutil.which("slowhttptest")
    if found is None and not is_docker_required():
        pytest.skip("slowhttptest is not installed (REQUIRE_DOCKER=1 makes this a failure)")
    assert found is not None, "slowhttptest is not installed"
    return found


async def attack(program: str, url: str, mode: str, folder: Path) -> list[dict[str, str]]:
    """Let ``ATTACKERS`` connections be slow in this way; what the program saw, second by second.

    They come within four seconds: all at once would be more than the service may have outstanding.
    """
    arguments = ["-c", str(ATTACKERS), "-r", str(ATTACKERS // 4), "-l", str(SECONDS), "-p", "3", "-u", url]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, *MODES[mode], "-g", "-o", "seen", cwd=folder, stdout=asyncio.subprocess.DEVNULL
    )
    await process.wait()
    return list(csv.DictReader((folder / "seen.csv").read_text().splitlines()))


async def ask_until(gateway: Gateway, attacking: "asyncio.Task[Any]") -> list[int]:
    """Ordinary requests of another address, each on a new connection, as long as the attack lasts."""
    statuses = []
    while not attacking.done():
        wire = await Wire.connect(gateway.port, address=SOMEBODY_ELSE)
        statuses += [(await wire.get(path)).status for path in ("/x/ordinary", "/livez")]
        wire.close()
        await asyncio.sleep(0.02)
    return statuses


@pytest.mark.parametrize("mode", MODES)
async def test_slowhttptest_keeps_nobody_from_being_answered(
    start_gateway: StartGateway, upstream: echo.Upstream, program: str, mode: str, tmp_path: Path
) -> None:
    async def give_much(_: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 240000\r\n\r\n")
        for _piece in range(4):
            writer.write(b"x" * 60_000)
            await writer.drain()
            await asyncio.sleep(0.02)

    upstream.handlers["/x/much"] = give_much
    gateway = start_gateway(routes=ROUTES, **(FEW if mode == "headers" else {}))
    target = "/x/much" if mode == "read" else "/x/y"

    attacking = asyncio.create_task(attack(program, gateway.url + target, mode, tmp_path))
    statuses = await ask_until(gateway, attacking)
    seen = await attacking

    assert set(statuses) == {200}
    assert max(int(second["Connected"]) for second in seen) > ATTACKERS / 2
    if mode != "headers":
        # What the program makes of its own probes: the height of a line in its chart, 0 where they fail.
        assert {second["Service Available"] for second in seen} == {str(ATTACKERS)}
