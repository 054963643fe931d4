"""Connections that idle: used again, unless the other side has just ended them."""

import socket
from collections.abc import Iterator

import pytest

from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.pool import Pool

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: timeout=60\r\n\r\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


async def used(pool: Pool, listener: socket.socket) -> tuple[UpstreamConnection, socket.socket]:
    """A connection that has served one exchange, and the service's side of it."""
    connection = await pool.connect(30)
    peer, _ = listener.accept()
    connection.begin(b"GET", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    peer.sendall(ANSWER)
    await connection.head(30)
    pool.give_back(connection)
    return connection, peer


async def test_what_cannot_be_sent_again_gets_no_connection_whose_end_has_just_arrived(
    listener: socket.socket,
) -> None:
    pool = Pool("127.0.0.1", listener.getsockname()[1], tls=None, idle_seconds=60)
    fresh, peer = await used(pool, listener)
    ended, other = await used(pool, listener)

    other.close()

    assert not ended.is_closed  # the loop has had no turn to hear of it
    assert pool.take_silent() is fresh
    assert pool.take_silent() is None
    fresh.abort()
    peer.close()
