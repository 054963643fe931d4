"""The route table: which request is whose. Immutable, so that a reload is the swap of one reference.

Reading a table from TOML, with all its mistakes at once, is ``route_file``'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from werkzeug.routing import Map, Rule

from gateway.policies import Cors, Limit, Route, Upstream

ENDPOINT = "forward"


@dataclass(frozen=True, slots=True)
class Match:
    """A route with what every one of its requests needs, worked out beforehand."""

    route: Route
    prefix: bytes
    upstream: Upstream
    limits: tuple[Limit, ...]
    cors: Cors | None
    methods: frozenset[str]
    rule: Rule  # what Flask's hooks see as request.url_rule

    def target(self, raw_path: bytes) -> bytes:
        """The path that the upstream is asked for."""
        route = self.route
        if not route.strip_prefix and route.rewrite_prefix is None:
            return raw_path
        rest = raw_path[len(self.prefix) :]
        path = (route.rewrite_prefix or "").rstrip("/").encode() + rest
        return path or b"/"


@dataclass(frozen=True, slots=True)
class Table:
    """All routes and the policies that they name."""

    matches: tuple[Match, ...]
    upstreams: Mapping[str, Upstream]
    limits: Mapping[str, Limit]
    cors: Mapping[str, Cors]
    version: str = ""
    default_cors: str | None = None  # for answers to requests that no route takes
    _by_prefix: Mapping[bytes, tuple[Match, ...]] = field(default_factory=dict)
    _deepest: int = 0  # segments of the longest prefix

    def find(self, host: str, method: str, raw_path: bytes) -> Match | None:
        """The match with the longest prefix, one of the same host before one of any host."""
        prefix = raw_path
        if raw_path.count(b"/") > self._deepest:
            prefix = b"/".join(raw_path.split(b"/", self._deepest + 1)[: self._deepest + 1])
        while prefix:
            for match in self._by_prefix.get(prefix, ()):
                if _takes(match, host, method, raw_path):
                    return match
            prefix = prefix.rpartition(b"/")[0]
        return None

    def methods_at(self, host: str, raw_path: bytes) -> frozenset[str]:
        """The methods that some route takes at this path: what a 405 answers in ``Allow``."""
        methods: set[str] = set()
        for match in self.matches:
            if raw_path.startswith(match.prefix) and _is_boundary(match, raw_path):
                methods |= match.methods if match.route.host in {None, host} else set()
        return frozenset(methods)


def _takes(match: Match, host: str, method: str, raw_path: bytes) -> bool:
    route = match.route
    if route.host is not None and route.host != host:
        return False
    if method not in match.methods and method != "OPTIONS":
        return False
    return not route.exact or len(raw_path) == len(match.prefix)


def _is_boundary(match: Match, raw_path: bytes) -> bool:
    length = len(match.prefix)
    if match.route.exact:
        return len(raw_path) == length
    return len(raw_path) == length or raw_path[length : length + 1] == b"/"


def new_table(
    routes: Iterable[Route],
    *,
    upstreams: Mapping[str, Upstream],
    limits: Mapping[str, Limit],
    cors: Mapping[str, Cors],
    version: str = "",
    default_cors: str | None = None,
) -> Table:
    """A table of ``routes``, each under all of its prefixes."""
    matches = []
    for route in routes:
        for prefix in route.prefix:
            rule = Rule(f"{prefix}{'' if route.exact else '/<path:rest>'}", endpoint=ENDPOINT)
            Map([rule])  # binds the rule, without which it cannot be shown
            matches.append(
                Match(
                    route=route,
                    prefix=prefix.encode(),
                    upstream=upstreams[route.upstream],
                    limits=tuple(limits[name] for name in route.limits),
                    cors=cors[route.cors] if route.cors else None,
                    rule=rule,
                    methods=route.methods | {"HEAD"} if "GET" in route.methods else route.methods,
                )
            )
    by_prefix: dict[bytes, list[Match]] = {}
    for match in sorted(matches, key=lambda match: (match.route.host is None, not match.route.exact)):
        by_prefix.setdefault(match.prefix, []).append(match)
    return Table(
        tuple(matches),
        upstreams,
        limits,
        cors,
        version,
        default_cors,
        {prefix: tuple(found) for prefix, found in by_prefix.items()},
        max((prefix.count(b"/") for prefix in by_prefix), default=0),
    )
