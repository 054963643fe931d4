"""Responses are cut exactly where RFC 9112 says, however the bytes arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream import framing
from gateway.upstream.bodies import ChunkedBody, CloseBody, LengthBody, response_body_of
from gateway.upstream.framing import MalformedResponse, parse_head


def head_of(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1")


def test_a_head_keeps_every_field_in_order_and_apart() -> None:
    head = parse_head(head_of("HTTP/1.1 200 OK", "Set-Cookie: a=1", "X: y", "Set-Cookie: b=2"))

    assert head.status == 200
    assert head.headers == [(b"set-cookie", b"a=1"), (b"x", b"y"), (b"set-cookie", b"b=2")]


@pytest.mark.parametrize(
    "lines",
    [
        ("HTTP/2 200 OK",),
        ("HTTP/1.1 20 OK",),
        ("HTTP/1.1  200 OK",),
        ("http/1.1 200 OK",),
        ("HTTP/1.1 600 No",),
        ("HTTP/1.1 200 OK", "no colon"),
        ("HTTP/1.1 200 OK", "Name : value"),
        ("HTTP/1.1 200 OK", " folded: value"),
        ("HTTP/1.1 200 OK", ": value"),
        ("HTTP/1.1 200 OK", "X: a\x00b"),
        ("HTTP/1.1 200 OK", "X: a\rb"),
        ("HTTP/1.1 200 OK", "X: a\nY: b"),
        ("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2"),
        ("HTTP/1.1 200 OK", "Content-Length: -1"),
        ("HTTP/1.1 200 OK", "Content-Length: 1, 1"),
        ("HTTP/1.1 200 OK", "Content-Length: 1e3"),
        ("HTTP/1.1 200 OK", "Content-Length: "),
        ("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked"),
        ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Length: 1"),
        ("HTTP/1.0 200 OK", "Transfer-Encoding: chunked"),
    ],
)
def test_a_head_that_could_be_read_in_two_ways_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(MalformedResponse):
        parse_head(head_of(*lines))


def test_a_repeated_length_that_agrees_is_one_length() -> None:
    assert parse_head(head_of("HTTP/1.1 200 OK", "Content-Length: 3", "Content-Length: 3")).length == 3


@pytest.mark.parametrize(("status", "method"), [(204, b"GET"), (304, b"GET"), (200, b"HEAD")])
def test_some_responses_have_no_body_whatever_their_fields_say(status: int, method: bytes) -> None:
    head = parse_head(head_of(f"HTTP/1.1 {status} X", "Content-Length: 10"))

    assert response_body_of(head, method).is_done


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.integers(1, 40), st.binary(max_size=20))
def test_a_chunked_body_is_the_same_in_pieces_of_any_size(
    chunks: list[bytes], step: int, beyond: bytes
) -> None:
    stream = (
        b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        + b"0\r\nT: x\r\n\r\n"
        + beyond
    )
    body = ChunkedBody()
    payload, rest = b"", b""

    for start in range(0, len(stream), step):
        if body.is_done:
            rest += stream[start : start + step]
            continue
        piece, left = body.feed(stream[start : start + step])
        payload, rest = payload + piece, rest + left

    assert (payload, rest, body.is_done) == (b"".join(chunks), beyond, True)


@pytest.mark.parametrize(
    "stream",
    [
        b"g\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n",
        b"\r\n",
        b" 1\r\n",
        b"1" * 17 + b"\r\n",
    ],
)
def test_a_chunk_that_is_none_is_refused(stream: bytes) -> None:
    with pytest.raises(MalformedResponse):
        ChunkedBody().feed(stream + b"x" * 10)


@pytest.mark.parametrize("stream", [b"1" * 300, b"0\r\n" + b"T: " + b"x" * 9000])
def test_a_line_without_end_is_refused(stream: bytes) -> None:
    with pytest.raises(MalformedResponse):
        ChunkedBody().feed(stream)


def test_a_body_that_ends_early_is_told_from_one_that_ends() -> None:
    close = CloseBody()
    close.feed(b"abc")
    close.end()
    length = LengthBody(4)

    assert close.is_done
    assert length.feed(b"abc") == (b"abc", b"")
    with pytest.raises(MalformedResponse):
        length.end()
    with pytest.raises(MalformedResponse):
        ChunkedBody().end()


def test_a_length_that_is_said_twice_goes_on_once() -> None:
    head = parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\ncontent-length: 3")

    assert head.headers == [(b"content-length", b"3"), (b"x", b"y")]
    assert head.length == 3


def test_the_memory_of_lines_is_bounded_and_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "_known_lines", {})
    monkeypatch.setattr(framing, "MOST_KNOWN_LINES", 10)

    for number in range(25):
        parse_head(
            b"HTTP/1.1 200 OK\r\nX-Number: %d\r\nSet-Cookie: a=%d\r\nETag: %d" % (number, number, number)
        )
    last = b"X-Number: 24"

    assert len(framing._known_lines) <= 10
    assert last in framing._known_lines
    assert not any(name in line.lower() for line in framing._known_lines for name in (b"cookie", b"etag"))
