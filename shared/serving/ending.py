"""How a WebSocket ends."""

from typing import NamedTuple


class End(NamedTuple):
    """The end as one endpoint sees it: 1005 for a Close without a code, 1006 where none came."""

    code: int
    reason: str
    is_by_peer: bool  # by a Close that the other side sent first


class Closed(Exception):
    """There are no more messages; ``end`` says why."""

    def __init__(self, end: End) -> None:
        super().__init__(*end)
        self.end = end
