"""Bytes of a WebSocket that have arrived and are parsed slice by slice, so that others have their turn."""

# So much is parsed at once: a read full of tiny frames must not keep the loop from everybody else.
SLICE = 4_096


class Unparsed:
    """What has arrived and is not parsed yet."""

    __slots__ = ("_bytes", "_position")

    def __init__(self) -> None:
        self._bytes = b""
        self._position = 0  # so much of it is parsed

    def __len__(self) -> int:
        return len(self._bytes) - self._position

    def add(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._bytes = self._bytes[self._position :] + data if self._bytes else data
        self._position = 0

    def take(self) -> bytes:
        """The next slice."""
        piece = self._bytes[self._position : self._position + SLICE]
        self._position += len(piece)
        return piece

    def clear(self) -> None:
        """Let go of everything."""
        self._bytes, self._position = b"", 0
