"""One client connection: what arrives on it becomes requests, one at a time, and ends in order.

gunicorn's protocol does the parsing of everything but ordinary heads, and the bodies; the connection's life,
its clocks and its answers are here.
"""

import errno
from asyncio import CancelledError
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol, BodyReceiver

from gateway import request_head
from gateway.messages import Message, Scope
from gateway.refusals import refusal
from gateway.reply import Reply
from gateway.request_head import EMPTY_QUERY, Ordinary
from shared.serving.deadline import Deadline

HEAD_SECONDS = 10.0
LINGER_SECONDS = 1.0
# How long the last of an answer may take to be read once the connection is to end.
FLUSH_SECONDS = 30.0
IDLE_BEFORE_CLOSE_SECONDS = 1.0


class ClientConnection(ASGIProtocol):
    """One client connection."""

    _request_ready: "_Signal"
    _current_request: Any
    _body_receiver: Any
    _closed: bool

    def __init__(self, worker: Any) -> None:
        super().__init__(worker)
        self._deadline = Deadline(worker.loop, self._is_late)  # for what is awaited of the client
        self._is_head_due = False
        self._idle_since = 0.0
        self._is_between_requests = True  # nothing of the next request has been given to gunicorn's parser
        self._ordinary: dict[str, Any] | None = None  # the scope of the request under way, if it is ordinary
        self._body_left = 0  # bytes of its body that have not arrived
        self._ahead = b""  # what has arrived behind it
        self._is_lingering = False
        self._connection_scope: dict[str, Any] = {}

    # -- the requests, one after the other

    def _start_http1(self, buffered: bytes = b"") -> None:
        self._request_ready = _Signal(self.worker.loop)
        self._task = self.worker.loop.create_task(self._handle_connection())

    async def _handle_connection(self) -> None:
        """Answer the requests in the connection's own task.

        gunicorn makes a task for each, so that work after the answer does not delay the next request; here
        nothing follows the answer, and the task was a tenth of the cost of a request.
        """
        try:
            while await self._is_asked():
                ordinary = self._ordinary
                can_go_on = await (self._answer() if ordinary is None else self._answer_ordinary(ordinary))
                self._count()
                if not can_go_on or self._closed:
                    break
                self._begin_anew()
        except CancelledError:
            pass  # the client has gone
        except Exception:
            self.log.exception("connection_failed")
        finally:
            self._close_transport()

    async def _is_asked(self) -> bool:
        """Wait for a request; False once none can come any more."""
        ready = self._request_ready
        if not ready.is_set():
            self._awaiting_request = True
            await ready.wait()
            self._awaiting_request = False
        self._deadline.clear()
        return not self._closed and (self._ordinary is not None or self._current_request is not None)

    async def _answer_ordinary(self, scope: dict[str, Any]) -> bool:
        scope |= self._connection_scope
        reply = Reply(self, is_head=scope["method"] == "HEAD", may_chunk=True, is_last=False)
        receiver = self._body_receiver
        # What is left of a body would be taken for the next request.
        return (
            await self._run(scope, receiver.receive if receiver else _nothing, reply) and not self._body_left
        )

    async def _answer(self) -> bool:
        """Answer a request that gunicorn has parsed."""
        request, receiver = self._current_request, self._body_receiver
        scope = self._build_http_scope(request, self._scope_addresses[0], self._scope_addresses[1])
        scope[EMPTY_QUERY] = not request.query and request.uri.endswith("?")
        reply = Reply(
            self,
            is_head=request.method == "HEAD",
            may_chunk=request.version >= (1, 1),
            is_last=request.should_close(),
        )
        return await self._run(scope, receiver.receive, reply) and receiver._complete

    async def _run(self, scope: Scope, receive: Any, reply: Reply) -> bool:
        """Have the app answer; whether another request may follow on this connection."""
        try:
            await self.app(scope, receive, reply)
        except CancelledError:
            raise
        except Exception:
            self.log.exception("app_failed")
        if not reply.has_started and not self._closed:
            self._send_error_response(500, "")
        return reply.is_complete and not reply.is_last

    def _count(self) -> None:
        self.worker.nr += 1
        if self.worker.nr >= self.worker.max_requests:
            self.worker.alive = False

    def _begin_anew(self) -> None:
        """Be ready for the next request, which may have arrived already."""
        ahead, self._ahead = self._ahead, b""
        if self._current_request is not None:
            ahead = self._callback_parser.remaining()
            self._callback_parser.reset()
        self._ordinary = self._current_request = self._body_receiver = None
        self._is_between_requests = True
        self._request_ready.clear()
        self._resume_reading()
        self._idle_since = self.worker.loop.time()
        if self._keepalive:
            self._expect(self._keepalive, is_head=False)
        if ahead:
            self._take(ahead)

    # -- what the event loop calls

    def connection_made(self, transport: Any) -> None:
        """A client has connected; its first head may take so long and no longer."""
        super().connection_made(transport)
        self.worker.connections.add(self)
        self._idle_since = self.worker.loop.time()
        self._expect(HEAD_SECONDS, is_head=True)
        sockname, peername = (transport.get_extra_info(name) for name in ("sockname", "peername"))
        self._scope_addresses = (sockname, peername, sockname and sockname[:2], peername and peername[:2])
        self._connection_scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.1",
            "scheme": "https" if self._is_ssl else "http",
            "root_path": "",
            "server": self._scope_addresses[2],
            "client": self._scope_addresses[3],
        }

    def data_received(self, data: bytes) -> None:
        """Bytes came: a request, a part of one, or what follows the one that is being answered."""
        if self._is_lingering:
            return
        if self._ordinary is None:
            self._take(data)
        else:
            self._take_more(data)

    def _take(self, data: bytes) -> None:
        if self._is_between_requests:
            ordinary = request_head.read(data)
            if ordinary is not None:
                self._begin(ordinary)
                return
            self._is_between_requests = False
            if self._callback_parser is None:
                self._setup_callback_parser()
        super().data_received(data)
        # If it did not complete a head, the rest has to come in time (slowloris).
        if self._current_request is None and not self._is_head_due and not self._closed:
            self._expect(HEAD_SECONDS, is_head=True)

    def _begin(self, ordinary: Ordinary) -> None:
        self._ordinary, self._body_left, rest = ordinary
        if self._body_left:
            self._body_receiver = BodyReceiver(_Announced(self._body_left), self)
        if rest:
            self._take_more(rest)
        self._request_ready.set()

    def _take_more(self, data: bytes) -> None:
        """Bytes of an ordinary request's body, and of what comes behind it."""
        if self._body_left:
            receiver, piece = self._body_receiver, data[: self._body_left]
            self._body_left -= len(piece)
            data = data[len(piece) :]
            receiver.feed(piece)
            if not self._body_left:
                receiver.set_complete()
        self._ahead += data
        if self._http1_buffered() > self._max_buffer_size:
            self._pause_reading()

    def _http1_buffered(self) -> int:
        held: int = super()._http1_buffered()
        return held + len(self._ahead)

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        self._deadline.end()
        self.worker.connections.discard(self)
        super().connection_lost(error)

    # -- its clocks

    def _expect(self, seconds: float, *, is_head: bool) -> None:
        """Give the client ``seconds`` for the rest of a head, or for the next request."""
        self._is_head_due = is_head
        self._deadline.set(seconds)

    def _is_late(self) -> None:
        if self._closed:
            return
        if self._is_head_due:
            self._send_error_response(408, "")
        self._close_transport()
        self._request_ready.set()

    def close_if_idle(self) -> None:
        """End the connection if no request has been on it for a moment; one might just be arriving."""
        if self._awaiting_request and self.worker.loop.time() - self._idle_since >= IDLE_BEFORE_CLOSE_SECONDS:
            self._close_transport()
            self._request_ready.set()

    # -- its answers

    @property
    def is_gone(self) -> bool:
        """Whether nobody reads any more."""
        return self._closed

    @property
    def is_ending(self) -> bool:
        """Whether the worker is about to stop, so that this answer is the last here."""
        return not self.worker.alive

    def write(self, *pieces: bytes) -> None:
        """Send ``pieces`` in one go; a client that has just gone is none of the writer's business."""
        try:
            if len(pieces) == 1:
                self.transport.write(pieces[0])
            else:
                self.transport.writelines(pieces)
        except OSError as error:
            if error.errno not in {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}:
                self.log.exception("write_failed")
        except (RuntimeError, AttributeError):
            pass  # the transport is closing, or closed

    async def drain(self) -> None:
        """Return once the client has taken enough of what was written."""
        if self._flow_control.write_paused:
            await self._flow_control.drain()

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        """Refuse what cannot be parsed; gunicorn's message may quote the request, so it is not passed on."""
        self.write(refusal(status, extra_headers))

    def _close_transport(self) -> None:
        """Close, but read over what the client still sends for a moment.

        Closing a socket with unread bytes resets it, and the reset would overtake the answer that says
        why the request was refused (RFC 9112 section 9.6).
        """
        transport = self.transport
        if transport is None or self._closed:
            return
        receiver = self._body_receiver
        is_asked = self._ordinary is not None or self._current_request is not None
        is_whole = is_asked and (receiver is None or receiver._complete)
        if is_whole:
            super()._close_transport()
            if transport.get_write_buffer_size():  # a client that does not read (slowhttptest's slow read)
                self.worker.loop.call_later(FLUSH_SECONDS, transport.abort)
            return
        self._closed = self._is_lingering = True
        try:
            if transport.can_write_eof():
                transport.write_eof()
            self._resume_reading()
        except (OSError, RuntimeError):
            transport.abort()
            return
        self.worker.loop.call_later(LINGER_SECONDS, transport.abort)


_ASGI = {"version": "3.0", "spec_version": "2.4"}


class _Announced:
    """What gunicorn's body receiver asks of a request."""

    __slots__ = ("content_length",)
    chunked = False

    def __init__(self, content_length: int) -> None:
        self.content_length = content_length


async def _nothing() -> Message:
    """The body of a request that has none."""
    return {"type": "http.request", "body": b"", "more_body": False}


class _Signal:
    """An ``asyncio.Event`` for the one task that waits for it."""

    __slots__ = ("_is_set", "_loop", "_waiter")

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._is_set = False
        self._waiter: Any = None

    def is_set(self) -> bool:
        """Whether there is no need to wait."""
        return self._is_set

    def set(self) -> None:
        """Let the task go on."""
        self._is_set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """Have the next ``wait`` wait."""
        self._is_set = False

    async def wait(self) -> None:
        """Return once set."""
        if not self._is_set:
            self._waiter = self._loop.create_future()
            await self._waiter
            self._waiter = None
