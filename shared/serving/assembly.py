"""Frames put together to messages (RFC 6455 section 5.4)."""

from websockets.frames import Frame, Opcode


class Assembly:
    """What has arrived of the message under way."""

    __slots__ = ("_is_text", "_parts")

    def __init__(self) -> None:
        self._is_text = False
        self._parts: bytearray | None = None

    def take(self, frame: Frame) -> str | bytes | None:
        """The message that ``frame`` completes, if one; raises UnicodeDecodeError."""
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
            if frame.fin:
                return self._message(bytes(frame.data))
            self._parts = bytearray()
        parts = self._parts
        assert parts is not None  # noqa: S101  (the protocol refuses a continuation of nothing)
        parts += frame.data
        if not frame.fin:
            return None
        self._parts = None
        return self._message(bytes(parts))

    def _message(self, data: bytes) -> str | bytes:
        return data.decode() if self._is_text else data
