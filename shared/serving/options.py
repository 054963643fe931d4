"""What a server allows its clients: how long, how much, how many.

An app may bring its own as ``serving_options``.
"""

from dataclasses import dataclass, field

from shared.serving.bounds import Bounds


@dataclass(frozen=True, slots=True)
class Options:
    """The limits of one worker."""

    most_connections: int = 10_000
    most_connections_by_address: int = 0  # 0: as many as there may be in all
    longest_line: int = 8_190
    longest_head: int = 65_536
    most_fields: int = 100
    head_seconds: float = 10.0
    # How long a client may keep its body to itself in all; each so many bytes earn a second more.
    body_seconds: float = 25.0
    body_bytes_a_second: int = 512
    # How long it may take for 64 KiB of an answer.
    taking_seconds: float = 30.0
    keep_alive_seconds: float = 75.0
    # How long an answer under way may stand still for a client that has closed its own direction.
    half_closed_seconds: float = 0.5
    # Whether the app serves WebSockets; without it a handshake is a request like any other.
    has_websockets: bool = False
    websockets: Bounds = field(default_factory=Bounds)
    # After SIGTERM, how long new connections are still taken.
    drain_seconds: float = 0.0
    # Listeners that never speak TLS, whatever the others do (metrics).
    plain_ports: frozenset[int] = frozenset()
