"""What a request would meet at the gateway, in words, a line at a time; nobody is asked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway import errors, headers, targets
from gateway.policies.order import Acting
from gateway.route import IDEMPOTENT, Route
from gateway.routing import Match, Table
from gateway.settings import GatewaySettings
from gateway.upstream.table import Upstream
from shared.chassis.errors import ApiError
from shared.serving import handshake

Lines = Iterator[tuple[str, str]]
Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that is to be explained."""

    method: str
    path: str
    query: str  # with its question mark
    host: str  # without a port
    fields: Pairs

    def field(self, name: bytes) -> str | None:
        """The value of a header field."""
        return next((value.decode("latin-1") for key, value in self.fields if key == name), None)


def asked(method: str, url: str, fields: Pairs) -> Asked:
    """The request, its URL split by hand: ``urlsplit`` would already mend what the gateway refuses."""
    rest = re.sub(r"^https?://[^/?#]*", "", url) or "/"
    path, question, query = rest.partition("?")
    given = next((value.decode("latin-1") for key, value in fields if key == b"host"), "")
    host = (given or urlsplit(url).netloc or "localhost").lower()
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    return Asked(method, path, question + query, name, fields)


def explanation(settings: GatewaySettings, table: Table, request: Asked) -> Lines:
    """What the gateway would do with ``request``."""
    yield "request", f"{request.method} {request.path}{request.query} at {request.host}"
    try:
        match = _route(settings, table, request)
    except ApiError as refusal:
        yield "refused", f"{refusal.status} {refusal.code}: {_hint(refusal)}"
        yield from _of_policies(table.unmatched, request)
        return
    if match is None:
        yield "refused", "404 not_found, unless a page of the gateway, which Flask-Limiter limits"
        yield from _of_policies(table.unmatched, request)
        return
    if (read := match.reads(request.path.encode())) != request.path.encode():
        yield "read as", read.decode()
    file = table.files.get(match.route.name, "no file")
    yield "route", f"{match.route.name}, by the prefix {match.prefix.decode()} in {file}"
    yield from _of_policies(match.acting, request)
    yield from _of_forwarding(match, request)


def _route(settings: GatewaySettings, table: Table, request: Asked) -> Match | None:
    upgrade = request.field(b"upgrade")
    if upgrade is None or not handshake.is_asked_for("1.1", upgrade.encode()):
        return _find(settings, table, request)
    try:
        match = _find(settings, table, request)
    except ApiError:
        match = None
    if match is None or match.route.websocket is None:
        raise errors.UpgradeNotSupported
    return match


def _find(settings: GatewaySettings, table: Table, request: Asked) -> Match | None:
    path = request.path.encode()
    targets.check(path, request.query[1:].encode())
    if request.host not in settings.hosts:
        raise errors.HostNotAllowed
    match = table.find(request.host, request.method, path)
    if match is None and (methods := table.methods_at(request.host, path)):
        raise errors.MethodNotAllowed(headers={"Allow": ", ".join(sorted(methods))})
    return match


def _hint(refusal: ApiError) -> str:
    return f"{refusal.headers['Allow']} only" if "Allow" in refusal.headers else refusal.text


def _of_policies(acting: Acting, request: Asked) -> Lines:
    for policy in acting.policies:
        if text := "; ".join(filter(None, (policy.describe(), policy.foresee(request)))):
            yield policy.name, text


def _of_forwarding(match: Match, request: Asked) -> Lines:
    route = match.route
    if route.parts:
        for name, part in route.parts.items():
            yield "part", f"{name}: {part.upstream} {part.path}{f', its {part.pick}' if part.pick else ''}"
    else:
        yield "upstream", f"{route.upstream}: {_replicas(match.upstream)}"
        yield "target", match.target(request.path.encode()).decode() + request.query
        yield "retries", _retries(route, request.method)
    if dropped := headers.left_out(request.fields, match.fields.request):
        yield "dropped", ", ".join(dropped)
    times = route.timeouts
    yield "timeouts", f"connect {times.connect:g} s, read {times.read:g} s, total {times.total:g} s"


def _replicas(upstream: Upstream) -> str:
    urls = [one.url + (f" (weight {one.weight})" if one.weight != 1 else "") for one in upstream.urls]
    text = f"{', '.join(urls)}; at most {upstream.most_outstanding} at once from each worker"
    return text + (f"; certificates by {upstream.ca_file or 'the system'}" if upstream.is_encrypted else "")


def _retries(route: Route, method: str) -> str:
    if_unsent = "another replica while nothing was sent"
    if not route.retries:
        return f"{if_unsent}, and none once it was"
    if method not in IDEMPOTENT:
        return f"{if_unsent}, never once it was sent"
    return f"{if_unsent}, and once more if the connection ends unanswered"
