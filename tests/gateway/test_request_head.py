"""Ordinary heads are read exactly as gunicorn's parser reads them, and nothing else is taken for one."""

from typing import Any

import pytest
from gunicorn.asgi.parser import CallbackRequest, PythonProtocol
from hypothesis import given
from hypothesis import strategies as st

from gateway import request_head
from gateway.request_head import EMPTY_QUERY
from tests.gateway.corpus import CASES

USUAL = (
    b"GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nAccept: */*\r\nConnection: keep-alive\r\n"
    b'Cookie: a=1\r\nCookie: b=2\r\nIf-None-Match: "z"\r\nX-Note: caf\xe9\t!\r\n\r\n'
)


def as_gunicorn_reads(data: bytes) -> tuple[dict[str, Any], int, bytes, bytes]:
    """What an ASGI scope says of the request, the length of its body, that body, and what comes behind it."""
    body: list[bytes] = []
    heads: list[CallbackRequest] = []
    parser = PythonProtocol(
        on_headers_complete=lambda: heads.append(CallbackRequest.from_parser(parser)), on_body=body.append
    )
    parser.feed(data)
    (request,) = heads
    assert parser.should_keep_alive
    assert (request.version, request.chunked) == ((1, 1), False)
    scope = {
        "method": request.method,
        "path": request.path,
        "raw_path": request.raw_path,
        "query_string": request.query.encode("latin-1"),
        EMPTY_QUERY: not request.query and request.uri.endswith("?"),
        "headers": request.headers_bytes,
    }
    return scope, request.content_length, b"".join(body), parser.remaining()


def as_read(data: bytes) -> tuple[dict[str, Any], int, bytes, bytes] | None:
    found = request_head.read(data)
    if found is None:
        return None
    return found.scope, found.length, found.rest[: found.length], found.rest[found.length :]


def test_a_usual_head_is_ordinary() -> None:
    assert as_read(USUAL) == as_gunicorn_reads(USUAL)


@pytest.mark.parametrize("behind", [b"", b"ab", b"abc", b"abc" + USUAL])
def test_a_body_of_a_plain_length_is_ordinary(behind: bytes) -> None:
    data = USUAL[:-2].replace(b"GET", b"POST") + b"Content-Length: 3\r\n\r\n" + behind

    assert as_read(data) == as_gunicorn_reads(data)
    assert request_head.read(USUAL + behind) is not None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:60])
def test_an_attack_is_left_to_the_parser_or_read_as_it_reads_it(case: Any) -> None:
    found = as_read(case.data)

    assert found is None or found == as_gunicorn_reads(case.data)


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: +3",
        b"Content-Length: 3, 3",
        b"Content-Length: 3\r\nContent-Length: 3",
        b"Content-Length: ",
        b"Content-Length: 9999999999999999",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked",
        b"Expect: 100-continue",
        b"Upgrade: websocket",
        b"Connection: close",
        b"Connection: keep-alive, x-a",
        b"Host: y",
        b"X_A: 1",
        b"X-A : 1",
        b" folded",
        b"X-A: \x00",
        b"X-A: \r1",
        b"X-A: \n1",
    ],
)
def test_what_says_more_is_no_ordinary_head(line: bytes) -> None:
    for _ in range(2):  # the second time a line may be remembered
        assert request_head.read(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % line) is None


@pytest.mark.parametrize("data", [b"", USUAL[:-1], b"\r\n" + USUAL, USUAL.replace(b"1.1", b"1.0")])
def test_only_a_whole_head_is_ordinary(data: bytes) -> None:
    assert request_head.read(data) is None


# What parsers disagree about, and enough of the rest that some of it is well-formed.
PIECES = st.sampled_from(
    [
        *(b"GET", b"POST", b"get", b" ", b" /", b"/a", b"?", b"#", b"%2e", b"%C3%A9", b"%", b"\xe9", b"\x7f"),
        *(b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n", b"\r", b"\t", b"\x00", b"\x0b", b":", b": ", b"*"),
        *(b"Host", b"host", b"X-A", b"X_A", b"content-length", b"connection", b"keep-alive", b"close", b"v"),
        b"content-type",
    ]
)


@given(st.lists(PIECES, max_size=12), st.lists(PIECES, max_size=12))
def test_any_head_that_is_taken_is_read_as_gunicorn_reads_it(first: list[bytes], more: list[bytes]) -> None:
    for data in (
        b"".join(first) + b"\r\n\r\n",
        b"GET /" + b"".join(first) + b" HTTP/1.1\r\nHost: x\r\n" + b"".join(more) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost:x\r\nX-B:" + b"".join(more) + b"\r\n\r\n",
    ):
        found = as_read(data)

        assert found is None or found == as_gunicorn_reads(data)
