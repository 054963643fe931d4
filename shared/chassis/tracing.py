"""The two names of a request that travel with it: request id and W3C trace context.

They live in a context variable while a request or a task is handled, go out on every internal call
and every Celery message, and appear in every log line.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token

from werkzeug.datastructures import Headers

from shared.chassis.ids import new_id

REQUEST_ID_HEADER = "X-Request-ID"
TRACEPARENT_HEADER = "traceparent"
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


class Trace:
    """One hop of one request. ``traceparent`` names this hop's own span (W3C Trace Context)."""

    __slots__ = ("request_id", "traceparent")

    def __init__(self, request_id: str, traceparent: str) -> None:
        self.request_id = request_id
        self.traceparent = traceparent

    @property
    def trace_id(self) -> str:
        """The 32 hexadecimal digits that all hops of the request share."""
        return self.traceparent[3:35]

    def headers(self) -> dict[str, str]:
        """What the next hop must be told."""
        return {REQUEST_ID_HEADER: self.request_id, TRACEPARENT_HEADER: self.traceparent}


# Where the server finds the trace of a request that it has answered.
ENVIRON_KEY = "doorward.trace"

_current: ContextVar[Trace | None] = ContextVar("doorward_trace", default=None)
Scope = Token[Trace | None]


def current() -> Trace | None:
    """The trace of what is being handled now, if anything is."""
    return _current.get()


def current_headers() -> dict[str, str]:
    """What whoever goes on with the present work must be told; nothing where there is no trace."""
    trace = _current.get()
    return trace.headers() if trace else {}


def continue_from(request_id: str | None, traceparent: str | None) -> Trace:
    """The trace of this hop: the caller's names where they are well-formed, fresh ones where not."""
    is_sound = request_id is not None and _REQUEST_ID.fullmatch(request_id)
    match = _TRACEPARENT.fullmatch(traceparent or "")
    fresh = secrets.token_hex(24)
    trace_id, flags = match.groups() if match else (fresh[16:], "01")
    return Trace(
        request_id=request_id if is_sound and request_id else str(new_id()),
        traceparent=f"00-{trace_id}-{fresh[:16]}-{flags}",
    )


def from_headers(headers: Mapping[str, str] | Headers) -> Trace:
    """The trace that an incoming request or task continues."""
    return continue_from(headers.get(REQUEST_ID_HEADER), headers.get(TRACEPARENT_HEADER))


def from_environ(environ: Mapping[str, str]) -> Trace:
    """The same, from WSGI's own form of the headers."""
    return continue_from(environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT"))


def adopt(trace: Trace) -> None:
    """Handle all that follows under ``trace``, in a task that ends with what it handles."""
    _current.set(trace)


def begin(trace: Trace) -> Scope:
    """Handle what follows under ``trace``, until ``end`` is called with what this returns."""
    return _current.set(trace)


def end(scope: Scope) -> None:
    """Go on as before ``begin``."""
    _current.reset(scope)


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Handle something under ``trace``."""
    scope = begin(trace)
    try:
        yield trace
    finally:
        end(scope)
