"""What answers say of limits: ``RateLimit-Policy`` and ``RateLimit``.

By draft-ietf-httpapi-ratelimit-headers-11.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.messages import RawHeaders

if TYPE_CHECKING:
    from gateway.limits.counting import Verdict


@lru_cache(maxsize=1024)
def _policy(name: str, quota: int, window_seconds: int) -> str:
    """What never changes of a limit, for an answer."""
    return f'"{name}";q={quota};w={window_seconds}'


def limit_fields(verdicts: "Sequence[Verdict]") -> RawHeaders:
    """What an answer says of the limits that its request was counted against."""
    policies, states = [], []
    for limit, _, remaining, reset_seconds, _, _ in verdicts:
        policies.append(_policy(limit.name, limit.quota, limit.window_seconds))
        states.append(f'"{limit.name}";r={remaining};t={reset_seconds}')
    if not policies:
        return []
    return [(b"ratelimit-policy", ", ".join(policies).encode()), (b"ratelimit", ", ".join(states).encode())]
