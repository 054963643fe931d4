"""WebSockets of the server: the client of ``websockets`` where it behaves, raw frames where it does not."""

import asyncio
import os
import signal
import struct
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import stop_all
from tests.gateway.wire import Wire
from tests.serving.conftest import Serve, Served

# Echoes messages; `/deny` refuses by an answer, `/close` at once, `/silent` reads nothing, `/code/N` closes.
APP = """
import asyncio
from dataclasses import replace
from shared.serving.bounds import Bounds
from shared.serving.options import Options

async def echo(receive, send):
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    print("closed", message["code"], message["reason"], flush=True)

async def serve(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    path = scope["path"].strip("/").split("/")
    if path[0] == "deny":
        fields = [(b"content-length", b"2"), (b"x-reason", b"no")]
        await send({"type": "websocket.http.response.start", "status": 429, "headers": fields})
        await send({"type": "websocket.http.response.body", "body": b"no"})
        return
    if path[0] == "close":
        await send({"type": "websocket.close"})
        return
    if path[0] == "wait":
        print("waits", flush=True)
        print((await receive())["type"], flush=True)
        return
    chosen = scope["subprotocols"][-1] if scope["subprotocols"] else None
    fields = [(b"x-scheme", scope["scheme"].encode())]
    accept = {"type": "websocket.accept", "subprotocol": chosen, "headers": fields}
    if path[0] == "most":
        accept["doorward.most_message"] = int(path[1])
    await send(accept)
    if path[0] == "code":
        await send({"type": "websocket.close", "code": int(path[1]), "reason": "x" * 200})
    elif path[0] == "fail":
        raise LookupError("broken")
    elif path[0] == "silent":
        await asyncio.sleep(3600)
    elif path[0] != "return":
        await echo(receive, send)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            print(message["type"], flush=True)
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    elif scope["type"] == "websocket":
        await serve(scope, receive, send)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"http"})

class App:
    serving_options = replace(Options(has_websockets=True), **OPTIONS)
    __call__ = staticmethod(app)
app = App()
"""
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture(scope="module")
def running_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("sockets"), APP.replace("**OPTIONS", ""), [])
    served.wait_until_listening()
    yield served
    stop_all(served.process)


def url(served: Served, path: str = "/") -> str:
    return f"ws://127.0.0.1:{served.port}{path}"


def handshake(path: str = "/", *, version: str = "13", key: str = KEY, more: str = "") -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n{more}\r\n"
    ).encode()


async def opened(served: Served, path: str = "/") -> Wire:
    """A socket by hand, for frames that no library sends."""
    wire = await served.connect()
    await wire.send(handshake(path))
    head = await wire.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # RFC 6455 section 1.3
    return wire


def masked(opcode: int, data: bytes, *, is_last: bool = True, reserved: int = 0) -> bytes:
    first = bytes([(0x80 if is_last else 0) | reserved | opcode])
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    return first + length + b"\0\0\0\0" + data


async def close_code(wire: Wire) -> int | None:
    """The code of the Close that ends the socket; None where there is none."""
    data = await wire.reader.read()
    wire.close()
    while data:
        opcode, length = data[0] & 15, data[1]
        assert length < 126
        if opcode == Opcode.CLOSE:
            return int(struct.unpack("!H", data[2:4])[0]) if length else None
        data = data[2 + length :]
    return None


async def test_messages_come_back_whole_and_in_order(running_app: Served) -> None:
    messages: list[str | bytes] = ["", "größer", b"", bytes(range(256)), "x" * 65_536]
    async with connect(url(running_app), subprotocols=["a", "b"], ping_interval=None) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "b"
        assert socket.response is not None
        assert socket.response.headers["x-scheme"] == "ws"
        for message in messages:
            await socket.send(message)

        received = [await socket.recv() for _ in messages]

    assert received == messages


async def test_no_extension_is_spoken(running_app: Served) -> None:
    async with connect(url(running_app), compression="deflate") as socket:
        assert socket.protocol.extensions == []


async def test_a_message_in_many_frames_is_one_message(running_app: Served) -> None:
    async with connect(url(running_app), max_size=None) as socket:
        await socket.send(["a", "", "ß", "c" * 100])

        assert await socket.recv() == "aß" + "c" * 100


@pytest.mark.parametrize(("sent", "code"), [(1000, 1000), (3999, 3999), (None, 1005)])
async def test_the_app_learns_how_the_client_closed(running_app: Served, sent: int | None, code: int) -> None:
    wire = await opened(running_app)
    await wire.send(masked(Opcode.CLOSE, b"" if sent is None else struct.pack("!H", sent) + b"bye %d" % sent))

    assert await close_code(wire) == sent
    await asyncio.to_thread(running_app.wait_for_line, f"closed {code} {f'bye {sent}' if sent else ''}")


async def test_a_client_that_vanishes_is_reported(running_app: Served) -> None:
    before = running_app.lines().count("closed 1006")
    wire = await opened(running_app)
    wire.close()

    def is_reported() -> bool:
        return running_app.lines().count("closed 1006") > before

    await asyncio.to_thread(wait_until, is_reported, what="the news of the client", seconds=30)


@pytest.mark.parametrize(("path", "code"), [("/code/3000", 3000), ("/fail", 1011), ("/return", 1000)])
async def test_the_app_closes(running_app: Served, path: str, code: int) -> None:
    async with connect(url(running_app, path)) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()

    assert socket.close_code == code


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (masked(Opcode.TEXT, b"\xff\xfe"), 1007),
        (masked(Opcode.TEXT, b"\xed\xa0\x80"), 1007),  # half of a surrogate pair
        (masked(Opcode.TEXT, b"x", reserved=0x40), 1002),  # compressed, which nobody agreed on
        (masked(3, b"x"), 1002),
        (masked(Opcode.CONT, b"x"), 1002),
        (masked(Opcode.TEXT, b"x", is_last=False) + masked(Opcode.TEXT, b"y"), 1002),
        (masked(Opcode.PING, b"x" * 126), 1002),
        (masked(Opcode.PING, b"x", is_last=False), 1002),
        (masked(Opcode.CLOSE, b"x"), 1002),
        (masked(Opcode.CLOSE, struct.pack("!H", 1005)), 1002),
        (masked(Opcode.CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
        (b"\x82\xff" + struct.pack("!Q", 65_537), 1009),  # refused by its head alone
        (b"\x82\xff" + struct.pack("!Q", 2**63), 1009),
        (masked(Opcode.BINARY, b"x" * 60_000, is_last=False) + masked(Opcode.CONT, b"x" * 60_000), 1009),
    ],
)
async def test_frames_that_break_the_rules_end_the_socket(
    running_app: Served, frames: bytes, code: int
) -> None:
    wire = await opened(running_app)
    await wire.send(frames)

    assert await close_code(wire) == code


async def test_an_app_may_take_longer_messages(running_app: Served) -> None:
    async with connect(url(running_app, "/most/200000"), max_size=None) as socket:
        await socket.send(b"x" * 200_000)

        assert len(await socket.recv()) == 200_000


async def test_pings_are_answered_and_pongs_of_nobody_ignored(running_app: Served) -> None:
    wire = await opened(running_app)
    await wire.send(masked(Opcode.PONG, b"?") + masked(Opcode.PING, b"1") + masked(Opcode.TEXT, b"x"))

    assert await wire.reader.readexactly(6) == b"\x8a\x011\x81\x01x"
    wire.close()


@pytest.mark.parametrize(
    "bad",
    [
        {"version": "8"},
        {"key": "short"},
        {"key": "?" * 24},
        {"more": f"Sec-WebSocket-Key: {KEY}\r\n"},
        {"more": "Content-Length: 5\r\n"},
    ],
)
async def test_what_is_no_handshake_is_a_request_to_the_app(running_app: Served, bad: dict[str, str]) -> None:
    wire = await running_app.connect()
    await wire.send(handshake(**bad) + b"hello" * bool("Content" in bad.get("more", "")))  # type: ignore[arg-type]

    answer = await wire.receive()
    wire.close()

    assert (answer.status, answer.body) == (200, b"http")


async def test_an_app_without_websockets_sees_requests(serve: Serve) -> None:
    served = serve(source=APP.replace("has_websockets=True", "").replace("**OPTIONS", "**{}"))
    with pytest.raises(InvalidStatus) as refused:
        await connect(url(served))

    assert refused.value.response.status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/deny", 429), ("/close", 403)])
async def test_behind_a_refused_handshake_nothing_is_read(
    running_app: Served, path: str, status: int
) -> None:
    wire = await running_app.connect()
    await wire.send(handshake(path) + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")

    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()

    assert (answer.status, answer.is_last, rest) == (status, True, b"")


async def test_what_comes_ahead_of_the_answer_is_read_after_it(running_app: Served) -> None:
    wire = await running_app.connect()
    await wire.send(handshake() + masked(Opcode.TEXT, b"early"))
    await wire.reader.readuntil(b"\r\n\r\n")

    assert await wire.reader.readexactly(7) == b"\x81\x05early"
    wire.close()


async def test_a_client_that_leaves_during_the_handshake_ends_it(running_app: Served) -> None:
    wire = await running_app.connect()
    await wire.send(handshake("/wait"))
    await asyncio.to_thread(running_app.wait_for_line, "waits")
    wire.close()

    async with connect(url(running_app)) as socket:  # and the server goes on
        await socket.send("x")
        assert await socket.recv() == "x"


async def test_an_app_that_does_not_read_makes_the_client_wait(running_app: Served) -> None:
    before = running_app.resident_kib()
    wire = await opened(running_app, "/silent")
    sent = 0
    frame = masked(Opcode.BINARY, b"x" * 60_000)
    try:
        async with asyncio.timeout(2):
            while sent < 256 * 1_048_576:
                await wire.send(frame)
                sent += len(frame)
    except TimeoutError:
        pass
    grown = running_app.resident_kib() - before
    wire.close()

    assert sent < 64 * 1_048_576  # what the sockets' own buffers take
    assert grown < 8 * 1024


async def test_pings_without_end_cost_no_memory_and_keep_nobody_waiting(running_app: Served) -> None:
    before = running_app.resident_kib()
    wire = await opened(running_app)
    pings = masked(Opcode.PING, b"") * 10_000
    wire.writer.transport.pause_reading()
    flooding = asyncio.create_task(flood(wire, pings))
    async with connect(url(running_app)) as socket:
        for number in range(50):
            await socket.send(str(number))
            assert await socket.recv() == str(number)
    grown = running_app.resident_kib() - before
    flooding.cancel()
    wire.close()

    assert grown < 8 * 1024


async def flood(wire: Wire, data: bytes) -> None:
    while True:
        await wire.send(data)


async def test_a_silent_client_is_pinged_and_then_left(serve: Serve) -> None:
    served = serve(source=APP.replace("**OPTIONS", "websockets=Bounds(ping_seconds=0.2)"))
    wire = await opened(served)

    assert await wire.reader.readexactly(2) == b"\x89\x00"
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.reader.readexactly(1)  # no pong came
    await asyncio.to_thread(served.wait_for_line, "closed 1006")
    wire.close()


async def test_who_answers_pings_stays(serve: Serve) -> None:
    served = serve(source=APP.replace("**OPTIONS", "websockets=Bounds(ping_seconds=0.1)"))
    wire = await opened(served)

    for _ in range(10):
        assert await wire.reader.readexactly(2) == b"\x89\x00"
        await wire.send(masked(Opcode.PONG, b""))
    wire.close()


async def test_a_stop_closes_with_1001(serve: Serve) -> None:
    served = serve("--graceful-timeout", "30", source=APP.replace("**OPTIONS", ""))
    async with connect(url(served)) as socket:
        served.signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed):
            await socket.recv()

    assert socket.close_code == 1001
    assert await asyncio.to_thread(served.process.wait, 30) == 0
    assert "lifespan.shutdown" in served.lines()


async def test_who_does_not_answer_a_close_does_not_keep_the_server(serve: Serve) -> None:
    source = APP.replace("**OPTIONS", "websockets=Bounds(close_seconds=0.2)")
    served = serve("--graceful-timeout", "60", source=source)
    wire = await opened(served)
    os.kill(served.process.pid, signal.SIGTERM)

    assert await asyncio.to_thread(served.process.wait, 30) == 0
    wire.close()
