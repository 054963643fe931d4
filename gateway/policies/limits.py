"""Limits: how many requests of a route a client, a caller or everybody may make in a window.

What answers say of them is ``limits.fields``.
"""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from gateway.limits.fields import limit_fields
from gateway.messages import RawHeaders
from gateway.policies.policy import Policy
from gateway.values import STRICT, Name, Whole, number

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.explanation import Asked

LimitKey = Literal["address", "account", "api_key", "caller", "organization", "route"]


@dataclass(frozen=True, slots=True, config=STRICT)
class Limit:
    """``quota`` units in a window of ``window_seconds`` that begins with the first request."""

    name: Name
    quota: Annotated[Whole, Field(ge=1, le=10**9)]
    window_seconds: Annotated[Whole, Field(ge=1, le=86_400)]
    by: LimitKey = "address"
    cost: Annotated[Whole, Field(ge=1, le=10**6)] = 1
    # How much of the quota workers may hold in advance: 0 asks Redis for every single request.
    slack: Annotated[float, BeforeValidator(number), Field(ge=0, le=0.02)] = 0.02

    @property
    def is_of_caller(self) -> bool:
        """Whether a token has to be looked at to know whom it counts."""
        return self.by not in {"address", "route"}

    def __str__(self) -> str:
        return f"{self.name}: {self.quota} in {self.window_seconds} s by {self.by.replace('_', ' ')}"


class LimitsPolicy(Policy):
    """Counts a request, and refuses it with 429 where a limit has nothing left."""

    name = "limits"

    def __init__(self, limits: Sequence[Limit]) -> None:
        self.limits = tuple(limits)

    def describe(self) -> str:
        """Each limit."""
        return "; ".join(map(str, self.limits))

    def foresee(self, request: "Asked") -> str:
        """How each is counted."""
        return ", ".join(f"{limit.name} is {_way(limit)}" for limit in self.limits)

    def check(self, exchange: "Exchange") -> Awaitable[None] | None:
        """Raise TooManyRequests where a limit has nothing left; waits only where Redis has to be asked."""
        limiter = exchange.resources.limiter
        unknown = limiter.admit_held(exchange, self.limits)
        return limiter.admit(exchange, unknown) if unknown else None


class LimitsOfPlace(LimitsPolicy):
    """Counts by address and by route, before a token is looked at; says what all limits have left."""

    def finish(self, exchange: "Exchange", fields: RawHeaders) -> None:
        """Say what is left of the limits that the request was counted against."""
        fields += limit_fields(exchange.verdicts)


class LimitsOfCaller(LimitsPolicy):
    """Counts by account and by API key, once it is known who calls; bad tokens count by address."""


def _way(limit: Limit) -> str:
    return f"leased up to {limit.slack:.0%} in advance" if limit.slack else "asked of Redis for each request"
