"""The worst moment exactly: the end of the connection is heard before the mail has been read."""

import asyncio

import pytest

from deploy.mailbox.chaos import Chaos
from deploy.mailbox.smtp import Handler, Protocol
from deploy.mailbox.store import Store


class Wire(asyncio.Transport):
    """A transport that keeps what the server says; it is closed when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += bytes(data)

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        """Let the test go on feeding."""

    def resume_reading(self) -> None:
        """Let the test go on feeding."""


async def _say(protocol: Protocol, wire: Wire, line: bytes, *, answer: bytes) -> None:
    wire.said = b""
    protocol.data_received(line)
    while answer not in wire.said:  # noqa: ASYNC110
        await asyncio.sleep(0)  # a turn of the loop, no time


@pytest.mark.parametrize("ending", ["end of file", "reset"])
async def test_mail_in_the_buffer_is_kept_when_the_connection_ends_in_the_same_moment(ending: str) -> None:
    store = Store(capacity=10, capacity_bytes=10_000)
    protocol = Protocol(Handler(store, Chaos()), message_bytes=10_000)
    wire = Wire()
    protocol.connection_made(wire)
    await _say(protocol, wire, b"EHLO me\r\n", answer=b"250 HELP")
    await _say(protocol, wire, b"MAIL FROM:<a@doorward.test>\r\n", answer=b"250 OK")
    await _say(protocol, wire, b"RCPT TO:<ada@example.org>\r\n", answer=b"250 OK")
    await _say(protocol, wire, b"DATA\r\n", answer=b"354")

    protocol.data_received(b"Subject: last words\r\n\r\n" + b"x" * 500 + b"\r\n.\r\n")
    if ending == "end of file":
        protocol.eof_received()
    wire.close()
    protocol.connection_lost(ConnectionResetError() if ending == "reset" else None)
    session = protocol._handler_coroutine
    assert session is not None
    await asyncio.wait([session])

    assert [mail.as_dict()["subject"] for mail in store.newest(limit=10)] == ["last words"]
