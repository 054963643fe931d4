"""``doorward routes`` and ``doorward explain``: the table, and what one request would meet."""

import re

import click

from gateway import route_file, route_source, route_variables
from gateway.described import described
from gateway.explanation import asked, explanation
from gateway.policies.own import registry_of
from gateway.routing import Table
from gateway.settings import GatewaySettings
from shared.chassis.settings import SettingsError

_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(.*)")


def _load() -> tuple[GatewaySettings, Table]:
    settings = GatewaySettings.load()
    try:
        return settings, route_source.table(settings)
    except route_file.RouteFileError as error:
        raise click.ClickException(str(error)) from error


@click.command()
def routes() -> None:
    """Print the route table: paths, services, access and limits."""
    _, table = _load()
    shown = described(table)
    rows = [("ROUTE", "PREFIX", "METHODS", "UPSTREAM", "TARGET", *map(str.upper, shown.policies))]
    for route in shown.routes:
        texts = (route.policies.get(name, "-") for name in shown.policies)
        rows.append((route.name, route.prefix, route.methods, route.upstream, route.target, *texts))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@click.command()
@click.argument("method")
@click.argument("url")
@click.option("-H", "--header", "fields", multiple=True, help="A header field of the request: 'Name: value'.")
def explain(method: str, url: str, fields: tuple[str, ...]) -> None:
    """Explain what the gateway does with METHOD URL: route, policies, limits, upstream. Nothing is called."""
    settings, table = _load()
    for name, text in explanation(settings, table, asked(method.upper(), url, _parsed(fields))):
        click.echo(f"{name + ':':<12} {text}")


def _parsed(fields: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    pairs = []
    for field in fields:
        match = _HEADER.fullmatch(field)
        if match is None:
            raise click.BadParameter(f"{field!r} is not 'Name: value'", param_hint="--header")
        pairs.append((match[1].lower().encode(), match[2].encode("latin-1", "replace")))
    return pairs


@click.command("check-routes")
@click.argument("places", nargs=-1, type=click.Path())
def check_routes(places: tuple[str, ...]) -> None:
    """Check route files and folders together with the built-in table. Needs no settings."""
    environment = route_variables.environment()
    known = GatewaySettings.route_variables_in(environment)
    try:
        registry = registry_of(GatewaySettings.policies_in(environment))
        table = route_file.load_over_builtin(places, known, environment, registry)
    except (route_file.RouteFileError, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    for file in dict.fromkeys(table.files.values()):
        names = [name for name, written_in in table.files.items() if written_in == file]
        click.echo(f"{file}: {len(names)} routes: {', '.join(names)}")
