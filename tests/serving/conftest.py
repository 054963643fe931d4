"""A real gunicorn with our worker, and an app that a test writes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import stop_all
from tests.gateway.wire import Wire

ROOT = Path(__file__).parents[2]
# Answers with what it was asked; `/size/N` with so many bytes, `/events` with a stream that does not end.
ECHO = """
import asyncio, json
from dataclasses import replace
from shared.serving.options import Options

async def read(receive):
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        more = message["more_body"]
    return body

async def start(send, *fields, status=200):
    await send({"type": "http.response.start", "status": status, "headers": list(fields)})

async def echo(scope, receive, send):
    body = await read(receive)
    if body is None:
        print("left", scope["path"], flush=True)
        return
    text = lambda value: value.decode("latin-1")
    shown = {name: scope[name] for name in ("method", "path", "http_version", "scheme", "client", "server")}
    query = text(scope["query_string"])
    shown["target"] = text(scope["raw_path"]) + "?" * bool(query) + query
    shown["fields"] = [[text(name), text(value)] for name, value in scope["headers"]]
    scope["headers"].append((b"x-own", b"1"))  # as a middleware may: the scope is the app's
    shown["body"] = text(body)
    answer = json.dumps(shown).encode()
    await start(send, (b"content-length", b"%d" % len(answer)))
    await send({"type": "http.response.body", "body": answer})

async def size(scope, receive, send):
    left = int(scope["path"].rpartition("/")[2])
    await start(send, (b"content-length", b"%d" % left))
    while left:
        piece = b"x" * min(left, 65536)
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": left > 0})

async def whole(scope, receive, send):
    body = b"x" * int(scope["path"].rpartition("/")[2])
    send.whole(200, [(b"content-length", b"%d" % len(body))], body)

async def events(scope, receive, send):
    await start(send, (b"content-type", b"text/event-stream"))
    await send({"type": "http.response.body", "body": b"data: 1\\n\\n", "more_body": True})
    try:
        await asyncio.sleep(3600)
    finally:
        print("ended", scope["path"], flush=True)

async def download(scope, receive, send):
    await start(send, (b"content-type", b"text/plain"))
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    await asyncio.sleep(3600)

async def wait(scope, receive, send):
    print("asked", scope["path"], flush=True)
    await asyncio.sleep(float(scope["query_string"] or b"3600"))
    await echo(scope, receive, send)

async def fail(scope, receive, send):
    raise LookupError("the app is broken")

async def late(scope, receive, send):
    await start(send, (b"content-type", b"text/event-stream"))
    await asyncio.sleep(3600)

PATHS = {"size": size, "whole": whole}
PATHS |= {"events": events, "download": download, "wait": wait, "fail": fail, "late": late}

class App:
    serving_options = replace(Options(), **OPTIONS)
    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.live(receive, send)
        else:
            await PATHS.get(scope["path"][1:].split("/")[0], echo)(scope, receive, send)

    async def live(self, receive, send):
        while True:
            message = await receive()
            print(message["type"], flush=True)
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return

app = App()
"""


class Served:
    """A gunicorn under test."""

    def __init__(self, folder: Path, source: str, arguments: list[str]) -> None:
        self.port = free_port()
        self.folder = folder
        (folder / "served.py").write_text(source)
        self.log = folder / "log"
        command = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
        command += ["--worker-class", "shared.serving.worker.AsgiWorker", "--bind", f"127.0.0.1:{self.port}"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *arguments, "served:app"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"},
                stdout=log,
                stderr=log,
            )

    def wait_until_listening(self) -> None:
        """Return once the app has been started."""
        wait_until(self._is_listening, what=f"the server ({self.log.read_text()[-2000:]})", seconds=30)

    def _is_listening(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        return "lifespan.startup" in self.lines()

    def lines(self) -> str:
        return self.log.read_text()

    def wait_for_line(self, text: str) -> None:
        wait_until(lambda: text in self.lines(), what=f"{text!r} in the log", seconds=30)

    def workers(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    @property
    def worker(self) -> int:
        (worker,) = self.workers()
        return worker

    def resident_kib(self) -> int:
        match = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{self.worker}/status").read_text(), re.MULTILINE)
        assert match is not None
        return int(match[1])

    async def connect(self) -> Wire:
        return await Wire.connect(self.port)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """``serve("--graceful-timeout", "8", head_seconds=1)``: a server of this test alone."""
    started: list[Served] = []

    def start(*arguments: str, source: str = ECHO, is_awaited: bool = True, **options: object) -> Served:
        folder = tmp_path / f"server-{len(started)}"
        folder.mkdir()
        served = Served(folder, source.replace("**OPTIONS", f"**{options!r}"), list(arguments))
        started.append(served)
        if is_awaited:
            served.wait_until_listening()
        return served

    yield start
    for served in started:
        stop_all(served.process)


@pytest.fixture(scope="session")
def running(folders: Path) -> Iterator[Served]:
    served = Served(folders, ECHO.replace("**OPTIONS", "**{}"), [])
    served.wait_until_listening()
    yield served
    stop_all(served.process)


@pytest.fixture
def served(running: Served) -> Served:
    """A server with the usual limits, shared by the run."""
    return running
