"""``doorward routes`` and ``doorward explain``: what the gateway would do, without doing it."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from gateway import headers, route_file, targets
from gateway.limits.limiter import description
from gateway.policies import IDEMPOTENT
from gateway.routing import Match, Table
from gateway.settings import GatewaySettings
from shared.chassis.errors import ApiError

_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(.*)")


def _load() -> tuple[GatewaySettings, Table]:
    settings = GatewaySettings.load()
    try:
        return settings, route_file.load(settings.routes_file, settings.route_variables)
    except route_file.RouteFileError as error:
        raise click.ClickException(str(error)) from error


@click.command()
def routes() -> None:
    """Print the route table: what goes where, for whom, under which limits."""
    _, table = _load()
    rows: list[tuple[str, ...]] = [("ROUTE", "PREFIX", "METHODS", "UPSTREAM", "ACCESS", "LIMITS", "CORS")]
    rows += [_row(match) for match in table.matches]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(match: Match) -> tuple[str, ...]:
    route = match.route
    return (
        route.name,
        f"{route.host or ''}{match.prefix.decode()}{'' if route.exact else '/*'}",
        ",".join(sorted(match.methods)) if len(match.methods) < 7 else "any",
        route.upstream,
        str(route.access),
        ", ".join(limit.name for limit in match.limits),
        route.cors or "-",
    )


@click.command()
@click.argument("method")
@click.argument("url")
@click.option("-H", "--header", "fields", multiple=True, help="A header field of the request: 'Name: value'.")
def explain(method: str, url: str, fields: tuple[str, ...]) -> None:
    """Say what METHOD URL would meet: route, policies, limits and upstream. Nothing is called."""
    settings, table = _load()
    for name, text in explanation(settings, table, method.upper(), url, _parsed(fields)):
        click.echo(f"{name + ':':<12} {text}")


def _parsed(fields: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    pairs = []
    for field in fields:
        match = _HEADER.fullmatch(field)
        if match is None:
            raise click.BadParameter(f"{field!r} is not 'Name: value'", param_hint="--header")
        pairs.append((match[1].lower().encode(), match[2].encode("latin-1", "replace")))
    return pairs


def explanation(
    settings: GatewaySettings, table: Table, method: str, url: str, fields: list[tuple[bytes, bytes]]
) -> Iterator[tuple[str, str]]:
    """What the gateway would do, a line at a time."""
    # Split by hand: urlsplit would already mend what the gateway refuses.
    rest = re.sub(r"^https?://[^/?#]*", "", url) or "/"
    path, question, query = rest.partition("?")
    given = dict(fields)
    host = (given.get(b"host", b"").decode() or urlsplit(url).netloc or "localhost").lower()
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    yield "request", f"{method} {path}{question}{query} at {host}"
    try:
        targets.check(path.encode(), query.encode())
    except ApiError as refusal:
        yield "refused", f"{refusal.status} {refusal.code}: {refusal.text}"
        return
    if name not in settings.hosts:
        yield "refused", "421 host_not_allowed: add it to GATEWAY_ALLOWED_HOSTS"
        return
    match = table.find(name, method, path.encode())
    if match is None:
        methods = table.methods_at(name, path.encode())
        why = (
            f"405 method_not_allowed: {', '.join(sorted(methods))} only"
            if methods
            else "404, unless a page of the gateway"
        )
        yield "refused", why
        return
    yield from _of_match(settings, match, method, path, given, fields)


def _of_match(
    settings: GatewaySettings,
    match: Match,
    method: str,
    path: str,
    given: dict[bytes, bytes],
    fields: list[tuple[bytes, bytes]],
) -> Iterator[tuple[str, str]]:
    route = match.route
    yield "route", f"{route.name}, by the prefix {match.prefix.decode()} in {settings.routes_file}"
    if method == "OPTIONS" and b"origin" in given and b"access-control-request-method" in given:
        yield "preflight", "answered here, neither counted nor asked for a token"
    yield "access", str(route.access) + ("" if route.access.is_public else _token(given))
    for limit in match.limits:
        yield "limit", description(limit)
    cors = match.cors
    yield "cors", f"{cors.name}: {', '.join(cors.origins) or 'no other origin'}" if cors else "none"
    yield "body", f"at most {route.max_body_bytes:,} bytes"
    yield "upstream", f"{route.upstream}: {', '.join(replica.url for replica in match.upstream.urls)}"
    yield "target", match.target(path.encode()).decode()
    dropped = [key.decode() for key, _ in fields if not headers.request_lines([(key, b"")])]
    if dropped:
        yield "dropped", ", ".join(dropped)
    times = route.timeouts
    yield "timeouts", f"connect {times.connect:g} s, read {times.read:g} s, total {times.total:g} s"
    if_sent = (
        "and once more if the connection ends unanswered"
        if method in IDEMPOTENT
        else "never once it was sent"
    )
    yield "retries", f"up to {route.retries} while nothing was sent, {if_sent}" if route.retries else "none"


def _token(given: dict[bytes, bytes]) -> str:
    return (
        ": a token is there, not verified here"
        if b"authorization" in given
        else ": 401 token_missing without a token"
    )
