"""Answers that are still being sent, by whom they are for: a revocation ends them too.

A stream of events may last for a day. It was let through by a token that is dead now, and would go on telling
a signed-out client what happens to the account.
"""

from collections.abc import Callable

from gateway.messages import Source, StreamedResponse
from gateway.revocations import Revocations
from shared.chassis.access import Caller
from shared.chassis.access_tokens import TokenRevoked
from shared.chassis.logs import get_logger
from shared.contracts import tokens

log = get_logger(__name__)


class OpenStreams:
    """The streams of one worker whose callers are known."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations
        self._by_name: dict[str, set[_Stream]] = {}
        revocations.on_news = self._hear

    def watch(self, response: StreamedResponse, caller: Caller) -> None:
        """Cut ``response`` short once its caller's token is dead; raises TokenRevoked if it is by now."""
        source = response.source
        if source is None:
            return
        stream = _Stream(source, caller, self._forget)
        if self._is_dead(stream):
            source.close()
            raise TokenRevoked
        response.source = stream
        for name in (stream.session, stream.account):
            self._by_name.setdefault(name, set()).add(stream)

    def _hear(self, name: str) -> None:
        """News of the session or account ``name``."""
        for stream in list(self._by_name.get(name, ())):
            if self._is_dead(stream):
                log.info("stream_ended", account_id=stream.account)
                stream.cut()

    def _is_dead(self, stream: "_Stream") -> bool:
        return self._revocations.covers(stream.session, stream.account, stream.issued_at, stream.version)

    def _forget(self, stream: "_Stream") -> None:
        for name in (stream.session, stream.account):
            streams = self._by_name.get(name)
            if streams is not None:
                streams.discard(stream)
                if not streams:
                    del self._by_name[name]


class _Stream:
    """A body under way, and whom it is for."""

    __slots__ = ("_forget", "_source", "account", "cut", "issued_at", "read", "session", "version")

    def __init__(self, source: Source, caller: Caller, forget: Callable[["_Stream"], None]) -> None:
        self._source = source
        self._forget = forget
        self.read = source.read
        self.cut = source.cut
        self.session = str(caller.claims.get(tokens.SESSION))
        self.account = str(caller.account_id)
        self.issued_at = int(caller.claims.get("iat", 0))
        self.version = int(caller.claims.get(tokens.VERSION, 0))

    def close(self) -> None:
        """Nobody will read on."""
        self._forget(self)
        self._source.close()
