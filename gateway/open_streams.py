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
# Bytes. What announces no more than this is over in a moment, and a client that gets half of it learns
# nothing of the reason: it is answered to its end, as if the revocation had come right behind it.
SHORT = 65_536


class OpenStreams:
    """The streams of one worker whose callers are known."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations
        self._by_name: dict[str, set[Watched]] = {}
        revocations.on_news = self._hear

    def watch(self, response: StreamedResponse, caller: Caller) -> None:
        """Cut ``response`` off once its caller's token is dead, unless it is a short one.

        Raises TokenRevoked if it is dead by now.
        """
        source = response.source
        if source is None:
            return
        try:
            watched = self.watch_socket(source.cut, caller)
        except TokenRevoked:
            source.close()
            raise
        if _is_short(response):
            watched.forget()
            return
        response.source = _Stream(source, watched.forget)

    def watch_socket(self, cut: Callable[[], None], caller: Caller) -> "Watched":
        """Call ``cut`` once the caller's token is dead; raises TokenRevoked if it is by now."""
        watched = Watched(cut, caller, self._forget)
        if self._is_dead(watched):
            raise TokenRevoked
        for name in (watched.session, watched.account):
            self._by_name.setdefault(name, set()).add(watched)
        return watched

    def _hear(self, name: str) -> None:
        """News of the session or account ``name``."""
        for watched in list(self._by_name.get(name, ())):
            if self._is_dead(watched):
                log.info("stream_ended", account_id=watched.account)
                watched.cut()

    def _is_dead(self, watched: "Watched") -> bool:
        return self._revocations.covers(watched.session, watched.account, watched.issued_at, watched.version)

    def _forget(self, watched: "Watched") -> None:
        for name in (watched.session, watched.account):
            known = self._by_name.get(name)
            if known is not None:
                known.discard(watched)
                if not known:
                    del self._by_name[name]


def _is_short(response: StreamedResponse) -> bool:
    """Whether its length is known and at most SHORT."""
    lengths = [int(value) for name, value in response.raw_fields() if name == b"content-length"]
    return bool(lengths) and max(lengths) <= SHORT


class Watched:
    """What is under way for a caller."""

    __slots__ = ("_forget", "account", "cut", "issued_at", "session", "version")

    def __init__(self, cut: Callable[[], None], caller: Caller, forget: Callable[["Watched"], None]) -> None:
        self.cut = cut
        self._forget = forget
        self.session = str(caller.claims.get(tokens.SESSION))
        self.account = str(caller.account_id)
        self.issued_at = int(caller.claims.get("iat", 0))
        self.version = int(caller.claims.get(tokens.VERSION, 0))

    def forget(self) -> None:
        """It is over."""
        self._forget(self)


class _Stream:
    """A body under way that is watched."""

    __slots__ = ("_forget", "_source", "cut", "read")

    def __init__(self, source: Source, forget: Callable[[], None]) -> None:
        self._source = source
        self._forget = forget
        self.read = source.read
        self.cut = source.cut

    def close(self) -> None:
        """Nobody will read on."""
        self._forget()
        self._source.close()
