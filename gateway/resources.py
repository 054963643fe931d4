"""What the policies of one worker share."""

from dataclasses import dataclass

from gateway.api_keys import ApiKeys
from gateway.hints import Hints
from gateway.limits.limiter import RouteLimiter
from gateway.sockets.callers import Callers
from gateway.token_keys import TokenKeys
from gateway.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Resources:
    """The parts of one worker that count, remember and ask."""

    limiter: RouteLimiter
    tokens: Tokens
    keys: TokenKeys
    api_keys: ApiKeys
    callers: Callers
    hints: Hints
