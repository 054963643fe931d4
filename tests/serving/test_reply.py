"""A response is framed so that its client knows where it ends, and cut where its head would lie."""

from collections.abc import Callable

import pytest

from shared.serving.head_lines import MalformedHead
from shared.serving.messages import RawHeaders
from shared.serving.reply import Reply


class Client:
    """Takes what is written."""

    is_gone = False
    is_ending = False

    def __init__(self) -> None:
        self.written = b""

    def write(self, *pieces: bytes) -> None:
        self.written += b"".join(pieces)

    async def drain(self) -> None:
        pass

    def call_soon(self, callback: Callable[[], None]) -> None:
        callback()


def replied(
    status: int, fields: RawHeaders, *bodies: bytes, client: Client | None = None, **options: bool
) -> tuple[bytes, bytes, Reply]:
    """The head and the body on the wire, and the reply."""
    client = client or Client()
    reply = Reply(client, **({"is_head": False, "may_chunk": True, "is_last": False} | options))
    reply.start(status, fields)
    for body in bodies[:-1]:
        reply.write(body, is_end=False)
    reply.write(bodies[-1], is_end=True)
    head, _, body = client.written.partition(b"\r\n\r\n")
    return head, body, reply


def test_a_body_of_known_length_goes_out_as_it_is() -> None:
    head, body, reply = replied(200, [(b"content-length", b"3")], b"ab", b"c")

    assert head.startswith(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nserver: doorward\r\ndate: ")
    assert (body, reply.is_complete, reply.is_last) == (b"abc", True, False)


@pytest.mark.parametrize("size", [2, 100_000])
def test_a_body_of_unknown_length_is_chunked(size: int) -> None:
    head, body, reply = replied(200, [], b"a" * size, b"", b"b", b"")

    assert b"\r\ntransfer-encoding: chunked" in head
    assert body == b"%x\r\n%b\r\n1\r\nb\r\n0\r\n\r\n" % (size, b"a" * size)
    assert reply.is_complete


def test_a_framing_that_somebody_else_decided_on_is_not_passed_on() -> None:
    head, body, _ = replied(200, [(b"transfer-encoding", b"gzip"), (b"content-length", b"3")], b"abc")

    assert b"transfer-encoding" not in head
    assert b"\r\ncontent-length: 3\r\n" in head
    assert body == b"abc"


def test_a_client_of_http_1_0_is_told_the_end_by_the_end() -> None:
    head, body, reply = replied(200, [], b"a", b"b", may_chunk=False)

    assert b"transfer-encoding" not in head
    assert head.endswith(b"\r\nconnection: close")
    assert (body, reply.is_last) == (b"ab", True)


@pytest.mark.parametrize(
    ("status", "options", "has_length"),
    [(204, {}, False), (304, {}, True), (200, {"is_head": True}, True)],
)
def test_some_responses_have_no_body_whatever_is_written(
    status: int, options: dict[str, bool], has_length: bool
) -> None:
    head, body, reply = replied(status, [(b"content-length", b"3")], b"abc", **options)

    assert (b"content-length: 3" in head) is has_length
    assert b"transfer-encoding" not in head
    assert (body, reply.is_complete) == (b"", True)


def test_no_more_goes_out_than_was_promised_and_less_is_not_complete() -> None:
    _, more, complete = replied(200, [(b"content-length", b"2")], b"abc", b"d")
    _, less, broken = replied(200, [(b"content-length", b"9")], b"abc")

    assert (more, complete.is_complete) == (b"ab", True)
    assert (less, broken.is_complete) == (b"abc", False)


@pytest.mark.parametrize(
    "field",
    [
        (b"x-a", b"1\r\nset-cookie: b=1"),
        (b"x-a", b"1\n2"),
        (b"x-a", b"1\r2"),
        (b"x-a", b"1\r"),
        (b"x-a", b"1\n"),
        (b"x-a", b"\n1"),
        (b"x-a", b"\r\n"),
        (b"x-a", b"\x00"),
        (b"x-a: 1\r\nx-b", b"2"),
        (b"x a", b"1"),
        (b"", b"1"),
    ],
)
def test_a_field_that_would_be_two_is_not_sent(field: tuple[bytes, bytes]) -> None:
    client = Client()

    with pytest.raises(MalformedHead):
        replied(200, [field], b"", client=client)

    assert client.written == b""


def test_the_last_answer_says_so_once() -> None:
    ending = Client()
    ending.is_ending = True

    told, _, _ = replied(200, [(b"connection", b"close"), (b"connection", b"Close")], b"", is_last=True)
    learned, _, reply = replied(200, [], b"", client=ending)

    assert told.lower().count(b"connection: close") == learned.count(b"connection: close") == 1
    assert reply.is_last


def test_date_and_server_stand_once() -> None:
    head, _, _ = replied(200, [(b"date", b"then"), (b"server", b"own")], b"")

    assert head.count(b"date: ") == head.count(b"server: ") == 1


async def test_messages_out_of_order_are_a_fault_of_the_app() -> None:
    reply = Reply(Client(), is_head=False, may_chunk=True, is_last=False)
    with pytest.raises(RuntimeError):
        await reply({"type": "http.response.body", "body": b""})
    await reply({"type": "http.response.start", "status": 200, "headers": []})

    with pytest.raises(RuntimeError):
        await reply({"type": "http.response.start", "status": 200, "headers": []})


def test_only_a_stream_of_events_can_be_ended_early() -> None:
    events, download = Client(), Client()
    stream = Reply(events, is_head=False, may_chunk=True, is_last=False)
    stream.start(200, [(b"content-type", b"text/event-stream; charset=utf-8")])
    stream.write(b"a", is_end=False)
    other = Reply(download, is_head=False, may_chunk=True, is_last=False)
    other.start(200, [(b"content-type", b"text/csv")])
    other.write(b"a", is_end=False)

    assert (stream.end_early(), other.end_early()) == (True, False)
    assert events.written.endswith(b"1\r\na\r\n0\r\n\r\n")
    assert download.written.endswith(b"1\r\na\r\n")
    assert not stream.end_early()
