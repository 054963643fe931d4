"""One response as it arrives: its head, then its body in pieces, until its end."""

from gateway.upstream.bodies import ResponseBody, response_body_of
from gateway.upstream.framing import LONGEST_HEAD, MalformedResponse, ResponseHead, parse_head


class Incoming:
    """What has come of the response to one request."""

    __slots__ = ("_body", "_may_switch", "_method", "_start", "head", "held", "pieces")

    def __init__(self, method: bytes, *, may_switch: bool = False) -> None:
        self._method = method  # b"": nobody has asked
        self._may_switch = may_switch  # to another protocol, by a 101
        self._start = b""  # of a head whose end is still to come
        self._body: ResponseBody | None = None
        self.head: ResponseHead | None = None
        self.pieces: list[bytes] = []
        self.held = 0  # bytes in ``pieces``

    @property
    def has_begun(self) -> bool:
        """Whether a part of a head is here."""
        return bool(self._start)

    @property
    def is_done(self) -> bool:
        """Whether it is here to its end."""
        return self._body is not None and self._body.is_done

    def take(self, data: bytes) -> bool:
        """Take bytes of it; False if there are more than its own. Raises MalformedResponse."""
        if self._body is not None:
            return self._take_body(data)
        return self._take_head(data) if self.head is None else self._take_foreign(data)

    def end(self) -> None:
        """Nothing more comes; raises MalformedResponse where something had to."""
        if self._body is not None:
            self._body.end()

    @property
    def is_last(self) -> bool:
        """Whether the connection can take no other request, as far as this response says."""
        head, body = self.head, self._body
        return head is None or head.is_close or body is None or not body.is_done or bool(self.pieces)

    @property
    def kept_seconds(self) -> float:
        """How long the service says that it keeps the connection."""
        return self.head.keep_alive_seconds if self.head else 0.0

    def next_piece(self) -> bytes:
        """The oldest piece of the body that was not taken; b"" where there is none."""
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        self.held -= len(piece)
        return piece

    def _take_head(self, data: bytes) -> bool:
        if self._start:
            data, self._start = self._start + data, b""
        end = data.find(b"\r\n\r\n")
        while end >= 0:
            head = parse_head(data[:end])
            data = data[end + 4 :]
            if head.status >= 200:
                return self._take_final(head, data)
            if head.status == 101:
                return self._take_switch(head, data)
            end = data.find(b"\r\n\r\n")
        if len(data) > LONGEST_HEAD:
            raise MalformedResponse("a head without end")
        self._start = data
        return True

    def _take_switch(self, head: ResponseHead, data: bytes) -> bool:
        if not self._may_switch:
            raise MalformedResponse("an upgrade that nobody asked for")
        self.head = head
        return self._take_foreign(data)

    def _take_foreign(self, data: bytes) -> bool:
        """Keep what is of the other protocol already for who speaks it."""
        if data:
            self.pieces.append(data)
            self.held += len(data)
        return True

    def _take_final(self, head: ResponseHead, data: bytes) -> bool:
        if not self._method:
            raise MalformedResponse("a response without a request")
        self.head = head
        self._body = response_body_of(head, self._method)
        return self._take_body(data) if data else True

    def _take_body(self, data: bytes) -> bool:
        body = self._body
        assert body is not None  # noqa: S101  (only called once there is a head)
        if body.is_done:
            raise MalformedResponse("bytes beyond the end of the response")
        payload, rest = body.feed(data)
        if payload:
            self.pieces.append(payload)
            self.held += len(payload)
        return not rest
