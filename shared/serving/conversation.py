"""What one client asks on its connection: one request at a time, in order, by one task.

A task for each request would cost a tenth of it. What arrives becomes requests in ``intake``, the
``answerer`` has them answered, and how long the client is waited for is ``patience``'s.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from shared.serving.answerer import Answerer
from shared.serving.half_closed import HalfClosed
from shared.serving.head import Refused
from shared.serving.intake import Intake
from shared.serving.messages import ClientTooSlow
from shared.serving.patience import Patience
from shared.serving.refusals import refusal
from shared.serving.wire import Wire

if TYPE_CHECKING:
    from shared.serving.server import Server


class Conversation:
    """The requests of one connection."""

    __slots__ = (
        "_answerer",
        "_idle_since",
        "_intake",
        "_is_cut_off",
        "_more",
        "_patience",
        "_server",
        "_wire",
    )

    def __init__(self, server: "Server", wire: Wire, scope: dict[str, Any]) -> None:
        self._server = server
        self._wire = wire
        intake = self._intake = Intake(server.options)
        patience = self._patience = Patience(wire, server.loop, intake, server.options, on_late=self._give_up)
        self._answerer = Answerer(server, wire, scope, intake=intake, patience=patience)
        self._more: asyncio.Future[None] | None = None  # what the task waits on between requests
        self._idle_since = server.loop.time()
        self._is_cut_off = False  # the client sends no more

    # -- the requests, one after the other

    def start(self) -> asyncio.Task[None]:
        """Have every request answered; the task ends when no other can come."""
        self._patience.expect_first_head()
        return self._server.loop.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        server = self._server
        try:
            await self._answer_each()
        except Refused as error:
            self.refuse(error.status)
        except ClientTooSlow:
            self._wire.abort()
        except asyncio.CancelledError:
            pass  # the client has gone, or the server ends
        except Exception:
            server.log.exception("connection_failed")
        finally:
            self._close()

    async def _answer_each(self) -> None:
        """Answer one after the other, until no other can come."""
        wire, intake, patience, loop = self._wire, self._intake, self._patience, self._server.loop
        answer = self._answerer.answer
        while not wire.is_gone:
            head = intake.find_head()
            if head is not None:
                patience.take_head()
                if not await answer(head):
                    return
                self._idle_since = loop.time()
            elif self._is_cut_off:
                return
            else:
                patience.expect_head()
                self._more = loop.create_future()
                await self._more
                self._more = None

    # -- what the connection tells of the client

    def feed(self, data: bytes) -> None:
        """Bytes came: a request, a part of one, or what follows the one that is being answered."""
        answerer = self._answerer
        if answerer.session is not None:
            answerer.session.feed(data)
            return
        self._intake.add(data)
        if self._more is not None:
            self._wake()
            return
        try:
            if answerer.take_body() or self._intake.is_full:
                self._wire.pause_reading()
        except Refused as error:
            self.refuse(error.status)
            answerer.disconnect()

    def feed_eof(self) -> None:
        """The client sends no more; what it has asked for is still answered, if that takes no long time."""
        self._is_cut_off = True
        answerer = self._answerer
        if answerer.session is not None:
            answerer.session.feed_eof()
            return
        answerer.cut_off()
        if answerer.is_at_work or self._intake.has_begun:
            seconds = self._server.options.half_closed_seconds
            HalfClosed(
                self._wire, self._server.loop, seconds, has_answer_begun=lambda: answerer.has_begun
            ).watch()
        self._wake()

    def has_room(self) -> None:
        """The client has caught up with what was written."""
        if self._answerer.session is not None:
            self._answerer.session.has_room()

    def lose(self) -> bool:
        """The client is gone; whether an app is at work that does not learn of it."""
        answerer = self._answerer
        self._patience.end()
        self._wake()
        answerer.disconnect()
        if answerer.session is not None:
            answerer.session.lose()
            if answerer.session.is_open:
                return False
        return answerer.is_owing

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    # -- its end

    def leave_if_idle(self, seconds: float) -> bool:
        """End it if no request has been on it for ``seconds`` (one might be arriving), or only messages.

        True where a stream of events was ended, whose app goes on unless it is stopped.
        """
        if self._answerer.session is not None:
            self._answerer.session.leave()
        elif self._answerer.is_at_work:
            return self._answerer.end_early()
        elif self._more is not None and self._server.loop.time() - self._idle_since >= seconds:
            self._leave()
        return False

    def refuse(self, status: int) -> None:
        """Say why no other answer comes, unless one is under way."""
        if not self._wire.is_gone and not self._answerer.has_begun:
            self._wire.write(refusal(status))
        self._close()

    def _give_up(self) -> None:
        """What was awaited of the client has not come."""
        if self._patience.is_head_due or self._answerer.is_at_work:
            self.refuse(408)
        self._leave()

    def _leave(self) -> None:
        self._close()
        self._wake()
        self._answerer.disconnect()

    def _close(self) -> None:
        intake = self._intake
        is_over = not self._patience.is_head_due and intake.is_body_over and not intake.has_begun
        if is_over or self._is_cut_off:
            self._wire.close()
        else:
            self._wire.close_lingering()
