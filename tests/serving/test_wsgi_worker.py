"""A WSGI app under gunicorn on our server: what a client does or leaves undone costs it no thread."""

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.processes import PROCESSES
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import stop_all
from tests.serving.conftest import Serve, Served

THREADS = 2
MOST = 3 * 1024 * 1024
LARGE = 2 * 1024 * 1024
SOURCE = f"""
import asyncio, io, os, time
from flask import Flask, Response, request, send_file

print("lifespan.startup", flush=True)  # what the tests' client waits for
app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = {MOST}

def say(what, name):
    print(f"{{what}} {{name}}\\n", end="", flush=True)  # in one piece: two threads may say something at once

@app.route("/echo", methods=["GET", "POST"])
def echo():
    return {{"size": len(request.get_data()), "path": request.path}}

@app.get("/wait/<name>")
def wait(name):
    say("waits", name)
    while not os.path.exists(name):
        time.sleep(0.01)
    answer = Response("waited")
    answer.call_on_close(lambda: say("closed", name))
    return answer

@app.get("/stream/<name>")
def stream(name):
    def pieces():
        try:
            while True:
                yield b"x" * 65536
        finally:
            say("closed", name)
    return Response(pieces())

@app.get("/news/<name>")
def news(name):
    def pieces():
        yield "first"
        yield "second"
        while not os.path.exists(name):
            time.sleep(0.01)
        yield "third"
    return Response(pieces(), content_type="text/plain")

@app.get("/lines")
def lines():
    return Response((f"{{number}}\\n" for number in range(20_000)), content_type="application/x-ndjson")

@app.get("/broken")
def broken():
    def pieces():
        yield "half"
        raise LookupError("no other half")
    return Response(pieces())

@app.get("/file")
def file():
    return send_file(io.BytesIO(b"f" * 200_000), mimetype="text/plain")

@app.get("/status/<int:status>")
def status(status):
    return "", status

@app.get("/close/<int:number>")
def close(number):
    def fail():
        raise LookupError(f"no close {{number}}")
    answer = Response("answered")
    answer.call_on_close(fail)
    return answer

@app.get("/async")
async def asynchronous():
    await asyncio.sleep(0)
    return "awaited"

def late(environ, start_response):
    start_response("202 Accepted", [("X-Late", "1")])
    yield b"late"

flask = app

def app(environ, start_response):
    if environ["PATH_INFO"] == "/late":
        return late(environ, start_response)
    if environ["PATH_INFO"] == "/fail":
        raise LookupError("the app is broken")
    return flask.wsgi_app(environ, start_response)
"""
ARGUMENTS = ("--worker-class", PROCESSES["users"].worker_class, "--threads", str(THREADS))
ACCESS = ("--access-logfile", "-", "--access-logformat", "%(m)s %(U)s %(s)s %(B)s.")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("wsgi"), SOURCE, [*ARGUMENTS, *ACCESS])
    served.wait_until_listening()
    yield served
    stop_all(served.process)


async def ask(served: Served, path: str, *, method: str = "GET") -> Any:
    wire = await served.connect()
    try:
        return await asyncio.wait_for(wire.get(path, method=method), 30)
    finally:
        wire.close()


async def say_in_the_log(served: Served, text: str) -> None:
    await asyncio.to_thread(served.wait_for_line, text)


def release(served: Served, name: str) -> None:
    (served.folder / name).touch()


async def test_more_requests_than_threads_wait_their_turn(served: Served) -> None:
    waiting = [await served.connect() for _ in range(THREADS)]
    for number, wire in enumerate(waiting):
        await wire.send(f"GET /wait/turn-{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await say_in_the_log(served, f"waits turn-{number}")
    others = [asyncio.create_task(ask(served, "/echo")) for _ in range(10)]
    for number in range(THREADS):
        release(served, f"turn-{number}")

    answers = await asyncio.gather(*others, *(wire.receive() for wire in waiting))

    assert {answer.status for answer in answers} == {200}
    for wire in waiting:
        wire.close()


async def test_who_sends_or_reads_slowly_holds_no_thread(served: Served) -> None:
    slow = [await served.connect() for _ in range(4 * THREADS)]
    for number, wire in enumerate(slow):
        if number % 2:
            await wire.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
        else:
            await wire.send(f"GET /stream/slow-{number}- HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await wire.reader.readuntil(b"\r\n\r\n")

    assert (await ask(served, "/echo")).status == 200
    for wire in slow:
        wire.close()
    for number in range(0, len(slow), 2):
        await say_in_the_log(served, f"closed slow-{number}-")


async def test_an_answer_that_nobody_waits_for_is_closed(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"GET /wait/left HTTP/1.1\r\nHost: x\r\n\r\n")
    await say_in_the_log(served, "waits left")
    wire.close()
    assert (await ask(served, "/echo")).status == 200  # by then its end has been heard of
    release(served, "left")

    await say_in_the_log(served, "closed left")


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_large_body_comes_whole(served: Served, framing: str) -> None:
    wire = await served.connect()
    body = b"x" * LARGE
    if framing == "length":
        await wire.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (LARGE, body))
    else:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        await wire.send(b"%b%x\r\n%b\r\n0\r\n\r\n" % (head, LARGE, body))

    answer = await wire.receive()
    again = await wire.get("/echo")
    wire.close()

    assert json.loads(answer.body)["size"] == LARGE
    assert again.status == 200


async def test_a_body_that_is_too_large_is_refused_unread(served: Served) -> None:
    wire = await served.connect()
    await wire.send(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (MOST + 1)
    )
    answer = await wire.reader.read()
    wire.close()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


async def test_who_leaves_in_the_middle_of_a_body_costs_no_thread(served: Served) -> None:
    for _ in range(2 * THREADS):
        wire = await served.connect()
        await wire.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nhalf" % LARGE)
        wire.close()

    assert (await ask(served, "/echo")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/echo", 200),
        ("HEAD", "/stream/x", 200),
        ("GET", "/status/204", 204),
        ("GET", "/status/304", 304),
    ],
)
async def test_an_answer_without_a_body_leaves_the_connection_in_order(
    served: Served, method: str, path: str, status: int
) -> None:
    wire = await served.connect()

    answer = await wire.get(path, method=method)
    after = await wire.get("/echo")
    wire.close()

    assert answer.status == status
    assert json.loads(after.body)["path"] == "/echo"


async def test_answers_of_every_kind_come_whole(served: Served) -> None:
    lines, file, late, awaited = [await ask(served, path) for path in ("/lines", "/file", "/late", "/async")]

    assert lines.body == b"".join(b"%d\n" % number for number in range(20_000))
    assert file.body == b"f" * 200_000
    assert (late.status, late.headers["x-late"], late.body) == (202, "1", b"late")
    assert awaited.body == b"awaited"


async def test_a_piece_goes_out_before_the_next_is_there(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"GET /news/next HTTP/1.1\r\nHost: x\r\n\r\n")

    await asyncio.wait_for(wire.reader.readuntil(b"second"), 30)
    release(served, "next")
    await asyncio.wait_for(wire.reader.readuntil(b"third\r\n0\r\n\r\n"), 30)
    wire.close()


async def test_what_fails_is_an_error_or_an_end_that_shows(served: Served) -> None:
    assert (await ask(served, "/fail")).status == 500
    with pytest.raises(asyncio.IncompleteReadError):
        await ask(served, "/broken")
    assert "LookupError: no other half" in served.lines()


async def test_an_end_that_fails_costs_no_thread(served: Served) -> None:
    for number in range(2 * THREADS):
        assert (await ask(served, f"/close/{number}")).body == b"answered"
        await say_in_the_log(served, f"LookupError: no close {number}")

    assert (await ask(served, "/echo")).status == 200


async def test_each_answer_has_one_line(served: Served) -> None:
    await ask(served, "/status/204")
    await ask(served, "/file")

    await say_in_the_log(served, "GET /file 200 200000.")
    await say_in_the_log(served, "GET /status/204 204 0.")


async def test_what_runs_at_the_stop_is_answered_and_logged(serve: Serve) -> None:
    served = serve(*ARGUMENTS, *ACCESS, source=SOURCE)
    running = await served.connect()
    await running.send(b"GET /wait/end HTTP/1.1\r\nHost: x\r\n\r\n")
    await say_in_the_log(served, "waits end")

    served.signal(signal.SIGTERM)
    await asyncio.to_thread(wait_until, lambda: not _listens(served), what="the port to be closed")
    release(served, "end")
    answer = await running.receive()
    running.close()

    assert (answer.status, answer.is_last) == (200, True)
    assert await asyncio.to_thread(served.process.wait, 30) == 0
    assert re.search(r"^GET /wait/end 200 6\.$", served.lines(), re.MULTILINE)


async def test_a_view_that_hangs_does_not_keep_the_server(serve: Serve) -> None:
    served = serve(*ARGUMENTS, "--graceful-timeout", "120", source=SOURCE)
    wire = await served.connect()
    await wire.send(b"GET /wait/for-ever HTTP/1.1\r\nHost: x\r\n\r\n")
    await say_in_the_log(served, "waits for-ever")
    wire.close()  # nobody waits for it: what is left of it is a thread

    served.signal(signal.SIGTERM)

    # By itself: gunicorn would kill it after its own time.
    assert await asyncio.to_thread(served.process.wait, 60) == 0


def _listens(served: Served) -> bool:
    state = "0A"
    port = f":{served.port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(port) and row[3] == state for row in rows)
