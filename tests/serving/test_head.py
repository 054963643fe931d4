"""A head that is read is read as it stands, and leaves nothing for the garbage collector to find."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.serving import head
from shared.serving.chunks import Chunks
from shared.serving.head import Refused
from shared.serving.options import Options
from tests.gateway.corpus import CASES

OPTIONS = Options()
USUAL = b"GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nX-Note: caf\xe9\t!\r\n\r\n"
# What parsers disagree about, and enough of the rest that some of it is well-formed.
PIECES = st.lists(
    st.sampled_from(
        [
            *(b"\r\n", b"\n", b"\r", b"\t", b" ", b"\x00", b"\x0b", b"\x7f", b":", b": ", b"\xe9", b","),
            *(b"Host", b"host", b"X-A", b"X_A", b"content-length", b"transfer-encoding", b"chunked", b"3"),
            *(b"connection", b"close", b"upgrade", b"expect", b"100-continue", b"v"),
        ]
    ),
    max_size=14,
)


def test_a_usual_head_is_read() -> None:
    assert head.find_end(USUAL + b"more", known=0, options=OPTIONS) == len(USUAL)

    found = head.read(USUAL, OPTIONS)

    assert (found.method, found.raw_path, found.query, found.length) == ("GET", b"/a/b", b"c=d", 0)
    assert found.fields == [(b"host", b"x"), (b"accept", b"*/*"), (b"x-note", b"caf\xe9\t!")]
    assert found.keeps_alive


@pytest.mark.parametrize("number", [*range(9), 11, 12, *range(14, 32), 127])
def test_a_control_character_is_refused_wherever_it_stands(number: int) -> None:
    lines = USUAL.removesuffix(b"\r\n\r\n")

    for place in range(len(lines) + 1):
        if b"\r\n" not in lines[place - 1 : place + 1]:
            with pytest.raises(Refused):
                head.read(lines[:place] + bytes([number]) + lines[place:] + b"\r\n\r\n", OPTIONS)


@given(PIECES)
def test_what_is_taken_has_fields_that_nobody_reads_in_two_ways(pieces: list[bytes]) -> None:
    data = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(pieces) + b"\r\n\r\n"
    data = data[: data.index(b"\r\n\r\n") + 4]
    try:
        found = head.read(data, OPTIONS)
    except Refused:
        return

    lines = data[: data.index(b"\r\n\r\n")].split(b"\r\n")[1:]
    expected = [
        (name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)
    ]
    assert b"\n" not in b"".join(lines)
    assert found.fields == [field for field in expected if b"_" not in field[0]]
    assert [name for name, _ in found.fields].count(b"host") == 1
    assert (found.length is None) == any(name == b"transfer-encoding" for name, _ in found.fields)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:60])
def test_an_attack_is_refused_or_read_with_one_host_and_one_length(case: object) -> None:
    data: bytes = case.data  # type: ignore[attr-defined]
    try:
        end = head.find_end(data, known=0, options=OPTIONS)
        found = head.read(data[:end], OPTIONS) if end > 0 else None
    except Refused:
        return

    if found is not None:
        names = [name for name, _ in found.fields]
        assert names.count(b"host") <= 1
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1


def count_of_ours() -> int:
    """How many objects of the parsers there are; other tests' threads may leave others behind."""
    modules = [str(type(one).__module__) for one in gc.get_objects()]
    return sum(name.startswith(("shared.serving", "httptools")) for name in modules)


def test_requests_leave_no_circles_behind() -> None:
    gc.collect()
    gc.disable()
    try:
        before = count_of_ours()
        for _ in range(100):
            head.read(USUAL, OPTIONS)
            Chunks().feed(b"3\r\nabc\r\n0\r\n\r\n")

        assert count_of_ours() == before
    finally:
        gc.enable()
