"""What has arrived on a connection and is not taken yet: heads, bodies, and what came ahead of its turn."""

from shared.serving import head
from shared.serving.body import Body
from shared.serving.chunks import Chunks, MalformedChunks
from shared.serving.head import Head, Refused
from shared.serving.options import Options

# What may wait here before the client is asked to wait.
MOST_AHEAD = 65_536


class Intake:
    """The bytes of one connection, in order."""

    __slots__ = ("_ahead", "_chunks", "_known", "_left", "_options")

    def __init__(self, options: Options) -> None:
        self._options = options
        self._ahead = b""
        self._known = 0  # so many bytes hold no end of a head
        self._left = 0  # bytes of the body under way, if its length is known
        self._chunks: Chunks | None = None

    @property
    def is_full(self) -> bool:
        """Whether the client had better wait."""
        return len(self._ahead) > MOST_AHEAD

    @property
    def has_begun(self) -> bool:
        """Whether a part of a head has arrived."""
        return bool(self._ahead)

    @property
    def is_body_over(self) -> bool:
        """Whether nothing of the body under way is still to come."""
        return not self._left and self._chunks is None

    def add(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._ahead = self._ahead + data if self._ahead else data

    def take_all(self) -> bytes:
        """What has arrived, for another protocol than HTTP."""
        ahead, self._ahead = self._ahead, b""
        return ahead

    def find_head(self) -> Head | None:
        """The next request's head, None if it has not arrived to its end; raises Refused."""
        ahead = self._ahead
        if not ahead:
            return None
        if ahead[0] in b"\r\n":
            # RFC 9112 section 2.2: an empty line in front of a request is ignored.
            ahead = self._ahead = ahead.removeprefix(b"\r\n")
            self._known = 0
        end = head.find_end(ahead, known=self._known, options=self._options)
        if end < 0:
            self._known = len(ahead)
            return None
        self._known = 0
        self._ahead = ahead[end:]
        found = head.read(ahead[:end], self._options)
        if found.length is None:
            self._chunks = Chunks()
        else:
            self._left = found.length
        return found

    def take_body(self, body: Body) -> None:
        """Give ``body`` what has arrived of it; raises Refused."""
        if not self._ahead:
            return
        if self._chunks is not None:
            self._take_chunks(body, self._chunks)
            return
        piece, self._ahead = self._ahead[: self._left], self._ahead[self._left :]
        self._left -= len(piece)
        body.feed(piece)
        if not self._left:
            body.complete()

    def _take_chunks(self, body: Body, chunks: Chunks) -> None:
        data, self._ahead = self._ahead, b""
        try:
            piece, rest = chunks.feed(data)
        except MalformedChunks as error:
            raise Refused(400) from error
        if piece:
            body.feed(piece)
        if rest is not None:
            self._ahead, self._chunks = rest, None
            body.complete()
