"""Requests that no route takes: counted, then refused."""

from typing import TYPE_CHECKING

from gateway.policies.policy import Policy
from shared.chassis.errors import ApiError

if TYPE_CHECKING:
    from gateway.exchange import Exchange


class UnmatchedPolicy(Policy):
    """Says why no route takes the request."""

    name = "unmatched"

    def describe(self) -> str:
        """Nothing: it stands in no route."""
        return ""

    def check(self, exchange: "Exchange") -> None:
        """Raise what the routing found."""
        raise exchange.refusal or ApiError
