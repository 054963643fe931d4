"""What the protocol of a WebSocket wants sent, on its way to the wire."""

from collections.abc import Callable

from websockets.protocol import Protocol, State

from shared.serving.wire import Wire


class Outflow:
    """Frames on their way out."""

    __slots__ = ("_late_pong", "_on_end", "_protocol", "_wire")

    def __init__(self, protocol: Protocol, wire: Wire, *, on_end: Callable[[], None]) -> None:
        self._protocol = protocol
        self._wire = wire
        self._on_end = on_end  # nothing more will be sent
        self._late_pong = b""

    def flush(self) -> None:
        """Write what there is."""
        for piece in self._protocol.data_to_send():
            if piece:
                self._wire.write(piece)
            else:
                self._wire.close_lingering()
                self._on_end()

    def flush_pongs(self) -> None:
        """Write what the protocol answers by itself; of pongs that cannot go out the newest is kept.

        It answers all pings before it (RFC 6455 section 5.5.3): who sends pings and reads nothing costs one.
        """
        if self._wire.is_write_paused and self._protocol.state is State.OPEN:
            pongs = self._protocol.data_to_send()
            self._late_pong = pongs[-1] if pongs else self._late_pong
        else:
            self.flush()

    def has_room(self) -> None:
        """The other side has caught up with what is written."""
        if self._late_pong:
            self._wire.write(self._late_pong)
            self._late_pong = b""
