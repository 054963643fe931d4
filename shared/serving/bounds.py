"""What the other side of a WebSocket may do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one endpoint."""

    most_message: int = 65_536  # bytes of one message, whatever frames it comes in
    ping_seconds: float = 20.0  # silence after which a sign of life is asked for, and once more given
    close_seconds: float = 3.0  # for the answer to our Close
