"""The gateway's table and the services' routes agree: what is public is reached, what is internal is not."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from deploy.processes import SERVICES
from gateway import route_file
from gateway.routing import Table
from gateway.settings import GatewaySettings
from tests.repository.samples import PLUMBING, sample_settings

CONVERTER = re.compile(r"<[^>]*>")
SAMPLE_ID = "018f4e5a-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def table() -> Table:
    """The table as the gateway reads it."""
    settings = sample_settings("gateway")
    assert isinstance(settings, GatewaySettings)
    return route_file.load_over_builtin(settings.routes_file, settings.route_variables)


def operations(app: Flask) -> Iterator[tuple[str, bytes, Any]]:
    """(method, a path that matches, access) of each of the service's own routes."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in PLUMBING:
            access = getattr(app.view_functions[rule.endpoint], "access", None)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield method, CONVERTER.sub(SAMPLE_ID, rule.rule).encode(), access


@pytest.mark.parametrize("service", SERVICES)
def test_every_public_route_reaches_its_service(apps: dict[str, Flask], table: Table, service: str) -> None:
    lost = []
    for method, path, access in operations(apps[service]):
        match = table.find("localhost", method, path)
        if access.kind != "internal" and (match is None or match.route.upstream != service):
            lost.append(f"{method} {path.decode()}")

    assert lost == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_internal_route_is_reached(apps: dict[str, Flask], table: Table, service: str) -> None:
    reached = [
        path
        for method, path, access in operations(apps[service])
        if access.kind == "internal" and table.find("localhost", method, path)
    ]

    assert reached == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_edge_asks_for_nothing_that_the_service_does_not(
    apps: dict[str, Flask], table: Table, service: str
) -> None:
    stricter = []
    for method, path, access in operations(apps[service]):
        match = table.find("localhost", method, path)
        if match is None:
            continue
        edge = match.route.access
        is_stricter = (access.kind == "public" and not edge.is_public) or bool(edge.roles - {access.name})
        if is_stricter:
            stricter.append(f"{method} {path.decode()}")

    assert stricter == []
