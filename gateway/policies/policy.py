"""What a policy is: one subject, by one table of the route file, for the requests of one route."""

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

from gateway.messages import Answer, RawHeaders

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.explanation import Asked

Checked = Answer | None | Awaitable[Answer | None]


class Policy:
    """What is done with the requests of one route, by what its table there says.

    It is made when the route file is read; TypeError and ValueError are mistakes of that file. What it needs
    of the worker is ``exchange.resources``.
    """

    name = ""  # of what it describes, and of its table where a team has made it

    def describe(self) -> str:
        """What it does, in a few words; "" where that is the same for every route.

        It stands in ``doorward explain`` and ``routes``, the merged OpenAPI, the console and docs/routes.md.
        """
        return self.name

    def foresee(self, request: "Asked") -> str:
        """What would come of ``request``, for ``doorward explain``; nobody is asked."""
        return ""

    def check(self, exchange: "Exchange") -> Checked:
        """Let the request pass, answer it, or raise an ApiError; ``async def`` where it waits for others."""

    def finish(self, exchange: "Exchange", fields: RawHeaders) -> None:
        """Add header fields to ``exchange.answer``, whoever gave it; names are in lower case."""


def descriptions(policies: Iterable[Policy]) -> dict[str, str]:
    """What ``policies`` do, by their names."""
    texts: dict[str, str] = {}
    for policy in policies:
        if text := policy.describe():
            texts[policy.name] = f"{texts[policy.name]}; {text}" if policy.name in texts else text
    return texts
