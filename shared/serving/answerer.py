"""Has the app answer the requests of one connection, one by one: body and reply of the one under way."""

import asyncio
from typing import TYPE_CHECKING, Any

from shared.serving import handshake
from shared.serving.body import Body
from shared.serving.head import Head, Refused
from shared.serving.intake import Intake
from shared.serving.messages import ClientTooSlow
from shared.serving.patience import Patience
from shared.serving.reply import Reply
from shared.serving.scopes import scope_of, socket_scope_of
from shared.serving.session import Session
from shared.serving.wire import Wire

if TYPE_CHECKING:
    from shared.serving.server import Server


class Answerer:
    """The request of a connection that is being answered, if one is."""

    __slots__ = (
        "_body",
        "_intake",
        "_knows_interim",
        "_patience",
        "_reply",
        "_scope",
        "_server",
        "_wire",
        "is_cut_off",
        "session",
    )

    def __init__(
        self,
        server: "Server",
        wire: Wire,
        scope: dict[str, Any],
        *,
        intake: Intake,
        patience: Patience,
    ) -> None:
        self._server = server
        self._wire = wire
        self._scope = scope  # what is the same for all requests
        self._intake = intake
        self._patience = patience
        self._body: Body | None = None
        self._reply: Reply | None = None
        self._knows_interim = False
        self.session: Session | None = None  # once the rest is a WebSocket
        self.is_cut_off = False  # the client sends no more

    @property
    def is_at_work(self) -> bool:
        """Whether there is a request."""
        return self._reply is not None

    @property
    def has_begun(self) -> bool:
        """Whether its answer has begun."""
        return self._reply is not None and self._reply.has_started

    @property
    def is_owing(self) -> bool:
        """Whether a part of its answer is missing."""
        return self._reply is not None and not self._reply.is_complete

    async def answer(self, head: Head) -> bool:
        """Have the app answer; whether another request may follow on this connection.

        Raises Refused where the body is none, or the app has no answer.
        """
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
        is_failed = not reply.has_started and not body.is_gone
        body.disconnect()
        if is_failed:
            raise Refused(500)
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
        session = self.session = Session(
            self._wire, server.loop, accept=accept, reply=reply, bounds=server.options.websockets
        )
        if ahead := self._intake.take_all():
            session.feed(ahead)
        server.requests += 1
        await session.run(server.app, socket_scope_of(head, self._scope), server.log)

    def _begin(self, head: Head) -> tuple[Body, Reply]:
        body = self._body = Body(self._patience, self._server.loop, is_empty=head.length == 0)
        is_newest = self._knows_interim = head.http_version == "1.1"
        reply = self._reply = Reply(
            self._wire,
            is_head=head.method == "HEAD",
            may_chunk=is_newest,
            is_last=not head.keeps_alive,
            body=body,
        )
        if not body.is_complete:
            self._patience.expect_body(continued_by=reply if head.expects_continue else None)
            self.take_body()
        if self.is_cut_off:
            self.cut_off()
        return body, reply

    def take_body(self) -> bool:
        """Give the app what has come of the body; whether the client had better wait with the rest.

        Raises Refused.
        """
        body = self._body
        if body is None:
            return False
        if not body.is_complete:
            self._intake.take_body(body)
        return body.is_full

    def cut_off(self) -> None:
        """The client sends no more: the rest of a body cannot come, and the client may have left.

        An interim response tells (RFC 9110 section 15.2): it changes nothing, and who has left resets it.
        """
        self.is_cut_off = True
        body = self._body
        if body is None:
            return
        if not body.is_complete:
            body.disconnect()
        if self._knows_interim and not body.is_gone and not self.has_begun:
            self._patience.send_continue()

    def disconnect(self) -> None:
        """Tell the app that the client is gone."""
        if self._body is not None:
            self._body.disconnect()

    def end_early(self) -> bool:
        """End the answer if it is a stream of events; False if it is none."""
        return self._reply is not None and self._reply.end_early()
