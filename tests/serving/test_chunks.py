"""However a chunked body is cut on its way, its end is found to the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.serving.chunks import MOST_BETWEEN, Chunks, MalformedChunks

PIECES = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n\r\n", b"0\r\n\r\n", b"xyz" * 9]), max_size=8)


def framed(bodies: list[bytes], trailers: bytes) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies if body)
    return chunks + b"0\r\n" + trailers + b"\r\n"


def fed(data: bytes, sizes: list[int]) -> tuple[bytes, bytes | None]:
    """The body, and what follows it, when ``data`` arrives in parts of these sizes."""
    chunks, body, start = Chunks(), b"", 0
    for size in [*sizes, len(data)]:
        piece, rest = chunks.feed(data[start : start + size])
        body += piece
        start += size
        if rest is not None:
            return body, rest + data[start:]
    return body, None


@given(
    st.lists(PIECES.map(b"".join), max_size=5),
    st.sampled_from([b"", b"X-A: 1\r\n", b"X-A: 1\r\nX-B: 2\r\n"]),
    st.sampled_from([b"", b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"\n", b"0\r\n\r\n"]),
    st.lists(st.integers(1, 12), max_size=40),
)
def test_the_end_is_found(bodies: list[bytes], trailers: bytes, behind: bytes, sizes: list[int]) -> None:
    assert fed(framed(bodies, trailers) + behind, sizes) == (b"".join(bodies), behind)


@pytest.mark.parametrize("data", [b"zz\r\n", b"3\nabc\n", b"-1\r\n", b"3\r\nabcd\r\n", b"1" * 17 + b"\r\n"])
def test_what_is_no_chunk_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedChunks):
        Chunks().feed(data)


@pytest.mark.parametrize("data", [b"0\r\nX-A: " + b"y" * MOST_BETWEEN, b"3;" + b"y" * MOST_BETWEEN])
def test_trailers_and_extensions_have_an_end(data: bytes) -> None:
    with pytest.raises(MalformedChunks):
        Chunks().feed(data)
