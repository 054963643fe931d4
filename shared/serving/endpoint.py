"""One endpoint of a WebSocket (RFC 6455): whole messages, with back-pressure, pings and an orderly close."""

import asyncio

from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import Side, State

from shared.serving import frames
from shared.serving.assembly import Assembly
from shared.serving.bounds import Bounds
from shared.serving.ending import Closed, End
from shared.serving.inbox import Inbox
from shared.serving.liveness import Liveness
from shared.serving.outflow import Outflow
from shared.serving.unparsed import Unparsed
from shared.serving.wire import Wire

SLICES = 4  # are parsed, and then the others have their turn
LONGEST_REASON = 123


class Endpoint:
    """An open WebSocket."""

    __slots__ = (
        "_assembly",
        "_bounds",
        "_closing",
        "_inbox",
        "_is_at_eof",
        "_is_lost",
        "_is_scheduled",
        "_liveness",
        "_loop",
        "_outflow",
        "_protocol",
        "_unparsed",
        "_wire",
        "end",
    )

    def __init__(self, side: Side, wire: Wire, loop: asyncio.AbstractEventLoop, bounds: Bounds) -> None:
        self._protocol = frames.opened(side, most_message=bounds.most_message)
        self._wire = wire
        self._loop = loop
        self._bounds = bounds
        self._unparsed = Unparsed()
        self._inbox = Inbox(loop)
        self._outflow = Outflow(self._protocol, wire, on_end=self._inbox.wake)
        self._assembly = Assembly()
        self._is_at_eof = self._is_lost = self._is_scheduled = False
        self._closing: asyncio.TimerHandle | None = None
        self.end: End | None = None
        self._liveness = Liveness(loop, bounds.ping_seconds, ask=self._ping, give_up=wire.abort)

    # -- for the app

    async def receive(self) -> str | bytes:
        """The next message; raises Closed after the last."""
        while (message := self._inbox.take()) is None:
            if self.end is not None:
                raise Closed(self.end)
            await self._inbox.wait()
        if self._unparsed:
            self._parse()
        return message

    async def send(self, message: str | bytes) -> None:
        """Send ``message``, and return once there is room for another; raises Closed, ClientTooSlow."""
        if self.end is not None:
            raise Closed(self.end)
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._outflow.flush()
        if self._wire.is_write_paused:
            await self._wire.drain()

    def close(self, code: int, reason: str = "") -> None:
        """Send a Close, unless one has been sent or the other side is gone; 1005: one without a code."""
        if self._protocol.state is not State.OPEN or self._is_lost:
            return
        if code == CloseCode.NO_STATUS_RCVD:
            self._protocol.send_close()
        else:
            self._protocol.send_close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))
        self._outflow.flush()
        self._finish(End(code, reason, is_by_peer=False))
        self._parse()  # to the other side's own Close

    async def wait_until_over(self) -> None:
        """Return once both sides have closed, or the other one has had its time for it."""
        while not self._is_lost and not self._wire.is_gone:
            await self._inbox.wait()

    # -- for the connection

    def feed(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._liveness.heard()
        self._unparsed.add(data)
        self._parse()

    def feed_eof(self) -> None:
        """The other side sends nothing more."""
        self._is_at_eof = True
        self._parse()

    def has_room(self) -> None:
        """The other side has caught up with what is written."""
        self._outflow.has_room()

    def lose(self) -> None:
        """The connection is gone."""
        self._is_lost = True
        if self._closing is not None:
            self._closing.cancel()
        self._unparsed.clear()
        self._finish(End(CloseCode.ABNORMAL_CLOSURE, "", is_by_peer=False))
        self._inbox.wake()

    # -- what arrives

    def _parse(self) -> None:
        for _ in range(SLICES):
            if not self._may_parse():
                break
            self._protocol.receive_data(self._unparsed.take())
            for frame in self._protocol.events_received():
                self._take(frame)  # type: ignore[arg-type]  # nothing but frames, behind a handshake
            self._notice_breach()
            self._outflow.flush_pongs()
        if self._unparsed and not self._wire.is_gone:
            self._wire.pause_reading()
            if self._may_parse() and not self._is_scheduled:
                self._is_scheduled = True
                self._loop.call_soon(self._parse_on)
            return
        self._unparsed.clear()
        self._wire.resume_reading()
        if self._is_at_eof:
            self._protocol.receive_eof()
            self._finish(End(CloseCode.ABNORMAL_CLOSURE, "", is_by_peer=False))
            self._outflow.flush()

    def _parse_on(self) -> None:
        self._is_scheduled = False
        self._parse()

    def _may_parse(self) -> bool:
        """Whether there is something to parse, and room for it: behind the end nothing is kept."""
        return bool(self._unparsed) and (not self._inbox.is_full or self.end is not None)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            close = Close.parse(frame.data)
            self._finish(End(close.code, close.reason, is_by_peer=True))
        elif self.end is None and frame.opcode not in {Opcode.PING, Opcode.PONG}:
            self._take_part(frame)

    def _take_part(self, frame: Frame) -> None:
        try:
            message = self._assembly.take(frame)
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "text that is no UTF-8")
            self._notice_breach()
            return
        if message is not None:
            self._inbox.put(message)

    def _notice_breach(self) -> None:
        """The protocol fails the connection where the other side breaks a rule of RFC 6455."""
        if self.end is None and self._protocol.state is not State.OPEN:
            sent = self._protocol.close_sent
            code, reason = (sent.code, sent.reason) if sent else (CloseCode.ABNORMAL_CLOSURE, "")
            self._finish(End(int(code), reason, is_by_peer=False))

    # -- what is sent

    def _ping(self) -> bool:
        """Ask for a sign of life; False where none would be read, or the question not be sent."""
        if not self._wire.is_reading or self._wire.is_write_paused:
            return False
        self._protocol.send_ping(b"")
        self._outflow.flush()
        return True

    def _finish(self, end: End) -> None:
        """Note how it ended, once, and give the other side a moment for its part of it."""
        if self.end is not None:
            return
        self.end = end
        self._liveness.stop()
        if not self._is_lost:
            self._closing = self._loop.call_later(self._bounds.close_seconds, self._wire.abort)
        self._inbox.wake()
