"""One client connection: its requests are answered one at a time, in order, by its own task.

A task for each request would cost a tenth of it. What arrives becomes requests in ``intake``; the socket's
side is ``wire``'s.
"""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from shared.serving import handshake
from shared.serving.body import Body
from shared.serving.deadline import Deadline
from shared.serving.head import Head, Refused
from shared.serving.intake import Intake
from shared.serving.messages import ClientTooSlow
from shared.serving.refusals import refusal
from shared.serving.reply import Reply
from shared.serving.scopes import base_of, scope_of, socket_scope_of
from shared.serving.session import Session
from shared.serving.wire import Wire

if TYPE_CHECKING:
    from shared.serving.server import Server

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LOOK_SECONDS = 0.01


class Connection(asyncio.Protocol):
    """One client connection."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._loop = server.loop
        self._wire: Wire = None  # type: ignore[assignment]  # until connection_made
        self._scope: dict[str, Any] = {}
        self._address = ""
        self._deadline = Deadline(server.loop, self._is_late)  # for what is awaited of the client
        self._is_head_due = True
        self._intake = Intake(server.options)
        self._task: asyncio.Task[None] | None = None
        self._body: Body | None = None  # of the request that is being answered
        self._reply: Reply | None = None
        self._session: Session | None = None  # once it is a WebSocket
        self._more: asyncio.Future[None] | None = None  # what the task waits on between requests
        self._idle_since = server.loop.time()
        self._is_half_closed = self._must_continue = self._knows_interim = False

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; its first head may take so long and no longer."""
        server = self._server
        self._wire = Wire(
            cast("asyncio.Transport", transport),
            self._loop,
            taking_seconds=server.options.taking_seconds,
            is_ending=server.is_about_to_stop,
        )
        self._scope = base_of(transport)
        self._address = self._scope["client"][0] if self._scope["client"] else ""
        refused = self._server.admit(self, self._address)
        if refused is not None:
            self._refuse(refused)
            return
        self._deadline.set(self._server.options.head_seconds)
        self._task = self._loop.create_task(self._answer_all())

    def data_received(self, data: bytes) -> None:
        """Bytes came: a request, a part of one, or what follows the one that is being answered."""
        if self._wire.is_gone:
            return  # read over what a client sends that has its last answer
        if self._session is not None:
            self._session.feed(data)
            return
        intake, body = self._intake, self._body
        intake.add(data)
        if self._more is not None:
            self._wake()
            return
        if body is not None and not body.is_complete:
            self._take_body(body)
        if intake.is_full or (body is not None and body.is_full):
            self._wire.pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more; what it has asked for is still answered, if that takes no long time."""
        self._is_half_closed = True
        if self._session is not None:
            self._session.feed_eof()
        if self._scope["scheme"] == "https":
            return False  # TLS knows no half of a connection
        if self._body is not None and not self._body.is_complete:
            self._body.disconnect()
        if self._session is None and (self._reply is not None or self._intake.has_begun):
            self._ask_if_left()
            self._look_if_left(LOOK_SECONDS)
        self._wake()
        return True

    def _ask_if_left(self) -> None:
        """Send what changes nothing (RFC 9110 section 15.2): a client that has left altogether resets it."""
        body, reply = self._body, self._reply
        if not self._is_half_closed or body is None or body.is_gone or reply is None or reply.has_started:
            return
        if self._knows_interim:
            self._wire.write(CONTINUE)

    def _look_if_left(self, seconds: float) -> None:
        """End it once the client is known to have left, or an answer that has begun stands still."""
        wire = self._wire
        if wire.is_gone:
            return
        has_begun = self._reply is not None and self._reply.has_started
        is_idle = has_begun and not wire.has_written and seconds >= self._server.options.half_closed_seconds
        if is_idle or wire.is_reset():
            wire.abort()
            return
        wire.has_written = False
        seconds = min(seconds * 2, self._server.options.half_closed_seconds)
        self._loop.call_later(seconds, self._look_if_left, seconds)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._wire.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._wire.resume_writing()
        if self._session is not None:
            self._session.has_room()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone, and what it asked for with it."""
        self._wire.lose()
        self._deadline.end()
        self._server.dismiss(self, self._address)
        self._wake()
        if self._body is not None:
            self._body.disconnect()
        if self._session is not None:
            self._session.lose()
            if self._session.is_open:
                return  # the app is told
        if self._task is not None and self._reply is not None and not self._reply.is_complete:
            self._task.cancel()

    # -- the requests, one after the other

    async def _answer_all(self) -> None:
        try:
            while (head := await self._next_head()) is not None and await self._answer(head):
                self._idle_since = self._loop.time()
        except Refused as error:
            self._refuse(error.status)
        except ClientTooSlow:
            self._wire.abort()
        except asyncio.CancelledError:
            pass  # the client has gone, or the server ends
        except Exception:
            self._server.log.exception("connection_failed")
        finally:
            self._close()

    async def _next_head(self) -> Head | None:
        """The next request's head; None once none can come any more."""
        while not self._wire.is_gone:
            head = self._intake.find_head()
            if head is not None:
                self._deadline.clear()
                self._is_head_due = False
                return head
            if self._is_half_closed:
                break
            self._expect_head()
            self._more = self._loop.create_future()
            await self._more
            self._more = None
        return None

    def _expect_head(self) -> None:
        """Give the client its time for the rest of a head (slowloris), or for the next request."""
        self._wire.resume_reading()
        if self._is_head_due:
            return
        self._is_head_due = self._intake.has_begun
        options = self._server.options
        self._deadline.set(options.head_seconds if self._is_head_due else options.keep_alive_seconds)

    async def _answer(self, head: Head) -> bool:
        """Have the app answer; whether another request may follow on this connection."""
        if head.has_upgrade and self._server.options.has_websockets:
            accept = handshake.accept_of(head)
            if accept is not None:
                await self._serve_socket(head, accept)
                return False
        body, reply = self._begin(head)
        try:
            await self._server.app(scope_of(head, self._scope), body.receive, reply)
        except (asyncio.CancelledError, ClientTooSlow):
            raise
        except Exception:
            self._server.log.exception("app_failed")
        self._server.requests += 1
        if not reply.has_started and not body.is_gone:
            self._refuse(500)
        body.disconnect()
        self._body = self._reply = None
        # What is left of a body would be taken for the next request.
        if not reply.is_complete or reply.is_last or not self._intake.is_body_over:
            return False
        if self._wire.is_write_paused:
            await self._wire.drain()
        return True

    async def _serve_socket(self, head: Head, accept: str) -> None:
        """Have the app speak WebSocket to the client, after which nothing else can follow."""
        server = self._server
        reply = self._reply = Reply(self._wire, is_head=False, may_chunk=True, is_last=True)
        session = self._session = Session(
            self._wire, self._loop, accept=accept, reply=reply, bounds=server.options.websockets
        )
        if ahead := self._intake.take_all():
            session.feed(ahead)
        server.requests += 1
        await session.run(server.app, socket_scope_of(head, self._scope), server.log)

    def _begin(self, head: Head) -> tuple[Body, Reply]:
        body = self._body = Body(self, self._loop, is_empty=head.length == 0)
        reply = self._reply = Reply(
            self._wire,
            is_head=head.method == "HEAD",
            may_chunk=head.http_version == "1.1",
            is_last=not head.keeps_alive,
            body=body,
        )
        self._knows_interim = head.http_version == "1.1"
        if not body.is_complete:
            self._must_continue = head.expects_continue
            self._take_body(body)
        if self._is_half_closed and not body.is_complete:
            body.disconnect()  # the rest of it cannot come
        self._ask_if_left()
        return body, reply

    def _take_body(self, body: Body) -> None:
        try:
            self._intake.take_body(body)
        except Refused as error:
            self._refuse(error.status)
            body.disconnect()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    # -- its clocks

    def _is_late(self) -> None:
        """What was awaited of the client has not come."""
        if self._is_head_due or self._reply is not None:
            self._refuse(408)
        self._leave()

    def await_body(self, body: Body) -> None:
        """The app waits for the rest of ``body``: let the client send it, while its patience lasts."""
        if self._must_continue:
            self._must_continue = False
            if self._reply is not None and not self._reply.has_started:
                self._wire.write(CONTINUE)
        options = self._server.options
        earned = body.size / options.body_bytes_a_second - body.waited_seconds
        self._deadline.set(max(0.0, options.body_seconds + earned))
        self.resume_reading()

    def stop_awaiting_body(self) -> None:
        """The app has what it waited for."""
        self._deadline.clear()

    def resume_reading(self) -> None:
        """There is room for more of a body."""
        if not self._intake.is_full:
            self._wire.resume_reading()

    # -- its end

    def close_if_idle(self, seconds: float) -> None:
        """End it if no request has been on it for ``seconds`` (one might be arriving), or only events."""
        if self._session is not None:
            self._session.leave()
        elif self._reply is not None:
            if self._reply.end_early() and self._task is not None:
                self._task.cancel()
        elif self._more is not None and self._loop.time() - self._idle_since >= seconds:
            self._leave()

    def abort(self) -> asyncio.Task[None] | None:
        """End it at once; the task that was at work, if one was."""
        self._wire.abort()
        if self._task is None or self._task.done():
            return None
        self._task.cancel()
        return self._task

    def _refuse(self, status: int) -> None:
        """Say why no other answer comes, unless one is under way."""
        if not self._wire.is_gone and (self._reply is None or not self._reply.has_started):
            self._wire.write(refusal(status))
        self._close()

    def _leave(self) -> None:
        self._close()
        self._wake()
        if self._body is not None:
            self._body.disconnect()

    def _close(self) -> None:
        is_over = not self._is_head_due and self._intake.is_body_over and not self._intake.has_begun
        if is_over or self._is_half_closed:
            self._wire.close()
        else:
            self._wire.close_lingering()
