"""Requests and answers on the wire: framing, targets, pipelining, what is refused and how."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.gateway.wire import Response, Wire
from tests.serving.conftest import Served

HOST = b"Host: localhost\r\n"


async def ask(served: Served, data: bytes) -> tuple[Response, bytes]:
    """The first answer, and what came behind it until the connection ended."""
    wire = await served.connect()
    await wire.send(data)
    wire.writer.write_eof()
    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()
    return answer, rest


def shown(answer: Response) -> dict[str, Any]:
    assert answer.status == 200, answer
    seen: dict[str, Any] = orjson.loads(answer.body)
    return seen


async def test_a_request_arrives_as_it_was_sent(served: Served) -> None:
    answer, _ = await ask(
        served, b"GET /a%20b?c=d HTTP/1.1\r\nHost: localhost\r\nX-A:   1 \t\r\nX-a: 2\r\nX-B:\r\n\r\n"
    )

    seen = shown(answer)
    assert (seen["method"], seen["path"], seen["target"]) == ("GET", "/a b", "/a%20b?c=d")
    assert (seen["http_version"], seen["scheme"], seen["server"][1]) == ("1.1", "http", served.port)
    assert seen["fields"] == [["host", "localhost"], ["x-a", "1"], ["x-a", "2"], ["x-b", ""]]


@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: 6\r\n\r\nabcdef",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3;x=y\r\ndef\r\n0\r\n\r\n",
        b"Transfer-Encoding: CHUNKED\r\n\r\n6\r\nabcdef\r\n0\r\nX-Trailer: 1\r\n\r\n",
    ],
)
async def test_bodies_of_both_framings_are_followed_by_the_next_request(
    served: Served, framed: bytes
) -> None:
    second = b"POST /second HTTP/1.1\r\n" + HOST + framed
    wire = await served.connect()

    await wire.send(b"POST /first HTTP/1.1\r\n" + HOST + framed + second)
    first_answer, second_answer = await wire.receive(), await wire.receive()
    for number in range(len(second)):  # byte by byte
        await wire.send(second[number : number + 1])
    third_answer = await wire.receive()
    wire.close()

    assert [shown(answer)["path"] for answer in (first_answer, second_answer, third_answer)] == [
        "/first",
        "/second",
        "/second",
    ]
    assert {shown(answer)["body"] for answer in (first_answer, second_answer, third_answer)} == {"abcdef"}


async def test_a_head_that_comes_again_is_read_as_the_first_time(served: Served) -> None:
    one = b"GET /one HTTP/1.1\r\n" + HOST + b"X-A: 1\r\n\r\n"
    other = one.replace(b"X-A: 1", b"X-A: 2")
    with_body = b"POST /body HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"
    wire = await served.connect()

    seen = []
    for request in (one, one, other, one, with_body, with_body, one):
        await wire.send(request)
        seen.append(shown(await wire.receive()))
    wire.close()

    assert [one["body"] for one in seen] == ["", "", "", "", "abc", "abc", ""]
    assert [dict(one["fields"]).get("x-a") for one in seen] == ["1", "1", "2", "1", None, None, "1"]
    assert all(len(one["fields"]) == 2 for one in seen)


@pytest.mark.parametrize(
    ("line", "target", "host"),
    [
        (b"GET http://other.example:81/a?b HTTP/1.1", "/a?b", "other.example:81"),
        (b"GET HTTP://other.example HTTP/1.1", "/", "other.example"),
        (b"GET http://other.example?x HTTP/1.1", "/?x", "other.example"),
        (b"OPTIONS http://other.example HTTP/1.1", "*", "other.example"),
        (b"OPTIONS * HTTP/1.1", "*", "localhost"),
    ],
)
async def test_targets_of_every_form_are_read(served: Served, line: bytes, target: str, host: str) -> None:
    answer, _ = await ask(served, line + b"\r\n" + HOST + b"\r\n")

    assert (shown(answer)["target"], shown(answer)["fields"]) == (target, [["host", host]])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://user@x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: \x7f\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\r\nHost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 400),
        (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70_000, 431),
        (b"GET /" + b"y" * 9_000, 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", 417),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", 500),
    ],
)
async def test_what_is_refused_is_a_problem_document_and_the_end(
    served: Served, data: bytes, status: int
) -> None:
    answer, rest = await ask(served, data)

    assert (answer.status, answer.is_last, rest) == (status, True, b"")
    assert answer.headers["content-type"] == "application/problem+json"
    assert orjson.loads(answer.body)["status"] == status


async def test_a_field_with_an_underscore_is_dropped(served: Served) -> None:
    answer, _ = await ask(served, b"GET / HTTP/1.1\r\nHost: x\r\nX_Real_IP: 1\r\nX-A: 2\r\n\r\n")

    assert shown(answer)["fields"] == [["host", "x"], ["x-a", "2"]]


async def test_a_client_of_http_1_0_gets_its_answer_and_the_end(served: Served) -> None:
    answer, rest = await ask(served, b"GET /size/70000 HTTP/1.0\r\n\r\n")

    assert (answer.status, len(answer.body), answer.is_last, rest) == (200, 70_000, True, b"")


async def test_a_client_that_half_closes_gets_all_of_its_answers(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /wait?0.2 HTTP/1.1\r\nHost: x\r\n\r\n")
    wire.writer.write_eof()

    answers = [await wire.receive() for _ in range(2)]
    rest = await wire.reader.read()
    wire.close()

    assert [shown(answer)["path"] for answer in answers] == ["/a", "/wait"]
    assert rest == b""


async def test_a_client_is_told_to_go_on_once_its_body_is_wanted(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")

    told = await wire.reader.readuntil(b"\r\n\r\n")
    await wire.send(b"abc")
    answer = await wire.receive()
    wire.close()

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert shown(answer)["body"] == "abc"


async def test_an_answer_before_the_end_of_the_body_says_that_it_is_the_last(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"POST /size/3 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")

    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()

    assert (answer.status, answer.is_last, rest) == (200, True, b"")


async def test_the_head_does_not_wait_for_the_first_event(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")

    async with asyncio.timeout(10):
        head = await wire.reader.readuntil(b"\r\n\r\n")
    wire.close()

    assert b"text/event-stream" in head


async def test_a_client_that_leaves_at_once_ends_what_it_asked_for(served: Served) -> None:
    for number in range(10):
        wire = await served.connect()
        await wire.send(b"GET /events/at-once-%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
        wire.close()

        await asyncio.to_thread(served.wait_for_line, f"ended /events/at-once-{number}")


async def test_a_client_that_leaves_ends_what_it_asked_for(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"GET /events/left HTTP/1.1\r\nHost: x\r\n\r\n")
    await wire.reader.readuntil(b"data: 1\n\n")

    wire.close()

    await asyncio.to_thread(served.wait_for_line, "ended /events/left")


async def test_a_body_that_breaks_off_is_told_to_the_app(served: Served) -> None:
    wire = await served.connect()
    await wire.send(b"POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")

    wire.writer.write_eof()

    await asyncio.to_thread(served.wait_for_line, "left /half")
    assert await wire.reader.read() == b""
    wire.close()


async def test_a_body_that_cannot_come_any_more_is_not_waited_for(served: Served) -> None:
    wire = await served.connect()
    first = b"GET /wait?0.2 HTTP/1.1\r\nHost: x\r\n\r\n"
    await wire.send(first + b"POST /second HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")

    wire.writer.write_eof()  # while the first is being answered
    answer = await wire.receive()

    await asyncio.to_thread(served.wait_for_line, "left /second")
    assert (shown(answer)["path"], await wire.reader.read()) == ("/wait", b"")
    wire.close()


async def test_many_connections_are_answered_at_once(served: Served) -> None:
    wires = [await Wire.connect(served.port) for _ in range(100)]
    for number, wire in enumerate(wires):
        await wire.send(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
    answers = [await wire.receive() for wire in wires]
    for wire in wires:
        wire.close()

    assert [shown(answer)["path"] for answer in answers] == [f"/{number}" for number in range(100)]
