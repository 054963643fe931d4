"""The route table: which request is whose. Immutable, so that a reload is the swap of one reference.

A table is made by ``route_table``, of what ``route_file`` has read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.routing import Rule

from gateway import targets
from gateway.policies.header_fields import HeaderPolicy
from gateway.policies.limits import Limit
from gateway.policies.order import Acting
from gateway.route import Route
from gateway.upstream.table import Upstream

UNMATCHED = "unmatched"  # the limit of requests that no route takes


@dataclass(frozen=True, slots=True)
class Match:
    """A route with what every one of its requests needs, worked out beforehand."""

    route: Route
    prefix: bytes
    upstream: Upstream
    limits: tuple[Limit, ...]
    methods: frozenset[str]
    fields: HeaderPolicy
    acting: Acting
    rule: Rule  # what Flask's hooks see as request.url_rule

    def target(self, raw_path: bytes) -> bytes:
        """The path that the upstream is asked for."""
        route = self.route
        if not route.strip_prefix and route.rewrite_prefix is None:
            return raw_path
        # By segments: a prefix that is spelled with percent signs is longer.
        segments = raw_path.split(b"/", self.prefix.count(b"/") + 1)[self.prefix.count(b"/") + 1 :]
        path = (route.rewrite_prefix or "").encode() + b"".join(b"/" + segment for segment in segments)
        return path or b"/"

    def reads(self, raw_path: bytes) -> bytes:
        """The path as this route's service compares it."""
        return targets.reading(raw_path) if self.route.case_sensitive else targets.folded(raw_path)

    def is_at(self, path: bytes) -> bool:
        """Whether the route takes a path of this reading, by its prefix alone."""
        if path.startswith(self.prefix):
            rest = path[len(self.prefix) :]
            return rest in {b"", b"/"} or (rest.startswith(b"/") and not self.route.exact)
        return False


@dataclass(frozen=True, slots=True)
class Table:
    """All routes and the policies that they name."""

    matches: tuple[Match, ...]
    upstreams: Mapping[str, Upstream]
    unmatched: Acting  # the policies of requests that no route takes
    version: str = ""
    files: Mapping[str, str] = field(default_factory=dict)  # where each route is written, by its name
    _by_prefix: Mapping[bytes, tuple[Match, ...]] = field(default_factory=dict)
    _by_folded_prefix: Mapping[bytes, tuple[Match, ...]] = field(default_factory=dict)
    _deepest: int = 0  # segments of the longest prefix

    def find(self, host: str, method: str, raw_path: bytes) -> Match | None:
        """The match with the longest prefix, one of the same host before one of any host."""
        path = targets.reading(raw_path)
        if self._by_folded_prefix:
            return self._find_in_both(host, method, path, targets.folded(raw_path))
        prefix = _first(self._deepest, path)
        while prefix:
            for match in self._by_prefix.get(prefix, ()):
                if _takes(match, host, method, path):
                    return match
            prefix = prefix.rpartition(b"/")[0]
        return None

    def _find_in_both(self, host: str, method: str, path: bytes, folded: bytes) -> Match | None:
        for segments in range(min(path.count(b"/"), self._deepest), 0, -1):
            exactly = self._by_prefix.get(_first(segments, path), ())
            in_any_case = self._by_folded_prefix.get(_first(segments, folded), ())
            for match in sorted((*exactly, *in_any_case), key=rank):
                if _takes(match, host, method, path if match.route.case_sensitive else folded):
                    return match
        return None

    def methods_at(self, host: str, raw_path: bytes) -> frozenset[str]:
        """The methods that some route takes at this path: what a 405 answers in ``Allow``."""
        methods: set[str] = set()
        for match in self.matches:
            if match.is_at(match.reads(raw_path)):
                methods |= match.methods if match.route.host in {None, host} else set()
        return frozenset(methods)


def _first(segments: int, path: bytes) -> bytes:
    """The first ``segments`` of the path, or all of it."""
    if path.count(b"/") <= segments:
        return path
    return b"/".join(path.split(b"/", segments + 1)[: segments + 1])


def rank(match: Match) -> tuple[bool, bool]:
    """Of routes with the same prefix the more exact ones come first."""
    return match.route.host is None, not match.route.exact


def _takes(match: Match, host: str, method: str, path: bytes) -> bool:
    if match.route.host is not None and match.route.host != host:
        return False
    if method not in match.methods and method != "OPTIONS":
        return False
    return not match.route.exact or match.is_at(path)
