"""The route table, made of what the route files say: each route under each prefix, with its policies."""

from collections.abc import Iterable, Mapping

from werkzeug.routing import Map, Rule

from gateway.policies import order
from gateway.policies.cors import CorsPolicy, CorsRule
from gateway.policies.header_fields import HeaderPolicy
from gateway.policies.limits import Limit
from gateway.policies.policy import Policy
from gateway.route import Route
from gateway.routing import UNMATCHED, Match, Table, rank
from gateway.upstream.table import Upstream

ENDPOINT = "forward"


def new_table(
    routes: Iterable[Route],
    *,
    upstreams: Mapping[str, Upstream],
    limits: Mapping[str, Limit],
    cors: Mapping[str, CorsRule],
    version: str = "",
    default_cors: str | None = None,
    files: Mapping[str, str] | None = None,
    own: Mapping[str, tuple[Policy, ...]] | None = None,
) -> Table:
    """A table of ``routes``, each under all of its prefixes; ``own`` are policies of a team's, by route."""
    places = _Places(upstreams, limits, {name: CorsPolicy(rule) for name, rule in cors.items()}, own or {})
    matches = [places.match(route, prefix) for route in routes for prefix in route.prefix]
    by_prefix: dict[bytes, list[Match]] = {}
    by_folded_prefix: dict[bytes, list[Match]] = {}
    for match in sorted(matches, key=rank):
        prefixes = by_prefix if match.route.case_sensitive else by_folded_prefix
        prefixes.setdefault(match.prefix, []).append(match)
    return Table(
        tuple(matches),
        upstreams,
        places.unmatched(default_cors),
        version,
        files or {},
        {prefix: tuple(found) for prefix, found in by_prefix.items()},
        {prefix: tuple(found) for prefix, found in by_folded_prefix.items()},
        max((match.prefix.count(b"/") for match in matches), default=0),
    )


class _Places:
    """What the routes of a table name."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        limits: Mapping[str, Limit],
        cors: Mapping[str, CorsPolicy],
        own: Mapping[str, tuple[Policy, ...]],
    ) -> None:
        self._upstreams = upstreams
        self._limits = limits
        self._cors = cors
        self._own = own
        self._of_unmatched = tuple(limit for name, limit in limits.items() if name == UNMATCHED)

    def match(self, route: Route, prefix: str) -> Match:
        """The route under one of its prefixes."""
        rule = Rule(f"{prefix}{'' if route.exact else '/<path:rest>'}", endpoint=ENDPOINT)
        Map([rule])  # binds the rule, without which it cannot be shown
        limits = tuple(self._limits[name] for name in route.limits)
        methods = route.methods | {"HEAD"} if "GET" in route.methods else route.methods
        fields = HeaderPolicy(route.request, route.response, route.claims)
        policies = order.of_route(
            route,
            limits=limits,
            guesses=self._of_unmatched,
            cors=self._cors[route.cors] if route.cors else None,
            fields=fields,
            methods=methods,
            own=self._own.get(route.name, ()),
        )
        return Match(
            route=route,
            prefix=(prefix if route.case_sensitive else prefix.lower()).encode(),
            upstream=self._upstreams[route.upstream],
            limits=limits,
            methods=methods,
            fields=fields,
            acting=order.Acting(policies),
            rule=rule,
        )

    def unmatched(self, cors: str | None) -> order.Acting:
        """The policies of requests that no route takes, which answer under the default of ``cors``."""
        return order.Acting(order.of_unmatched(self._of_unmatched, self._cors[cors] if cors else None))
