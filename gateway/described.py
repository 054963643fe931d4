"""What the route table does, route by route, in words: for commands, the console and the docs."""

from typing import NamedTuple

from gateway.policies.policy import descriptions
from gateway.routing import Match, Table


class DescribedRoute(NamedTuple):
    """A route under one of its prefixes."""

    name: str
    prefix: str
    methods: str
    upstream: str
    target: str
    policies: dict[str, str]


class DescribedTable(NamedTuple):
    """All routes, and the names of the policies that any of them has, in their order."""

    routes: list[DescribedRoute]
    policies: list[str]


def described(table: Table) -> DescribedTable:
    """The routes of ``table`` and what their policies say of themselves."""
    routes = [_described(match) for match in table.matches]
    return DescribedTable(routes, list(dict.fromkeys(name for route in routes for name in route.policies)))


def _described(match: Match) -> DescribedRoute:
    route = match.route
    more = "" if route.exact else "/*"
    return DescribedRoute(
        route.name,
        f"{route.host or ''}{match.prefix.decode()}{more}",
        ", ".join(sorted(match.methods)) if len(match.methods) < 7 else "any",
        ", ".join(sorted({part.upstream for part in route.parts.values()})) or route.upstream,
        ", ".join(part.path for part in route.parts.values())
        or f"{match.target(match.prefix).decode().rstrip('/')}{more}"
        or "/",
        descriptions(match.acting.policies),
    )
