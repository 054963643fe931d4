"""How long a client is waited for: for a head, for what is left of a body, for its next request."""

import asyncio
from collections.abc import Callable

from shared.serving.body import Body
from shared.serving.deadline import Deadline
from shared.serving.intake import Intake
from shared.serving.options import Options
from shared.serving.reply import Reply
from shared.serving.wire import Wire

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Patience:
    """The clocks of one connection, and the source that its bodies wait for."""

    __slots__ = ("_continued_by", "_deadline", "_intake", "_options", "_wire", "is_head_due")

    def __init__(
        self,
        wire: Wire,
        loop: asyncio.AbstractEventLoop,
        intake: Intake,
        options: Options,
        *,
        on_late: Callable[[], None],
    ) -> None:
        self._wire = wire
        self._intake = intake
        self._options = options
        self._deadline = Deadline(loop, on_late)
        self._continued_by: Reply | None = None  # the client waits for "100 Continue" or for this
        self.is_head_due = True

    def expect_first_head(self) -> None:
        """A client that has just connected has so long for its head."""
        self._deadline.set(self._options.head_seconds)

    def expect_head(self) -> None:
        """Give the client its time for the rest of a head (slowloris), or for the next request."""
        self._wire.resume_reading()
        if self.is_head_due:
            return
        self.is_head_due = self._intake.has_begun
        options = self._options
        self._deadline.set(options.head_seconds if self.is_head_due else options.keep_alive_seconds)

    def take_head(self) -> None:
        """It is here."""
        self._deadline.clear()
        self.is_head_due = False

    def expect_body(self, *, continued_by: Reply | None) -> None:
        """A request has a body, which the client may keep back until ``continued_by`` or a 100."""
        self._continued_by = continued_by

    def end(self) -> None:
        """The client is gone."""
        self._deadline.end()

    # -- for the body

    def await_body(self, body: Body) -> None:
        """The app waits for the rest of ``body``: let the client send it, while its patience lasts."""
        reply, self._continued_by = self._continued_by, None
        if reply is not None and not reply.has_started:
            self.send_continue()
        options = self._options
        earned = body.size / options.body_bytes_a_second - body.waited_seconds
        self._deadline.set(max(0.0, options.body_seconds + earned))
        self.resume_reading()

    def stop_awaiting_body(self) -> None:
        """The app has what it waited for."""
        self._deadline.clear()

    def send_continue(self) -> None:
        """Answer for the time being."""
        self._wire.write(CONTINUE)

    def resume_reading(self) -> None:
        """There is room for more of a body."""
        if not self._intake.is_full:
            self._wire.resume_reading()
