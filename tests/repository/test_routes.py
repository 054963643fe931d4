"""Every route states who may call it, and the public ones are those that clients rely on."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from deploy.processes import SERVICES
from gateway import route_file
from shared.chassis.access import Access
from tests.gateway.test_route_file import VARIABLES
from tests.repository.samples import PLUMBING

CONTRACT = Path(__file__).with_name("public_routes.txt")
METHODS = {"get", "post", "put", "patch", "delete"}


def own_views(app: Flask) -> Iterator[tuple[str, Any]]:
    """Each rule of the service itself, with its view."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in PLUMBING:
            yield rule.rule, app.view_functions[rule.endpoint]


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_states_its_access(apps: dict[str, Flask], service: str) -> None:
    silent = [
        rule
        for rule, view in own_views(apps[service])
        if not isinstance(getattr(view, "access", None), Access)
    ]

    assert silent == []


@pytest.mark.parametrize("service", SERVICES)
def test_only_internal_routes_lie_outside_the_service_s_own_prefix(
    apps: dict[str, Flask], service: str
) -> None:
    strays = [
        rule
        for rule, view in own_views(apps[service])
        if not rule.startswith((f"/api/v1/{service}", "/.well-known/")) and view.access.kind != "internal"
    ]

    assert strays == []


@pytest.mark.parametrize(("service", "own_noun"), [("auth", ""), ("users", "profiles")])
def test_a_url_leads_to_the_module_of_its_first_noun(
    apps: dict[str, Flask], service: str, own_noun: str
) -> None:
    astray = [
        f"{rule} is in {module_of(view)}"
        for rule, view in own_views(apps[service])
        if not module_of(view).endswith(f".routes.{first_noun(rule, service) or own_noun}")
    ]

    assert astray == []


def module_of(view: Any) -> str:
    """Where the view's code is, whatever decorators lie around it."""
    return str(inspect.unwrap(view).__module__)


def first_noun(rule: str, service: str) -> str:
    """`/api/v1/auth/email-code/verify` as `email_code`; nothing where an id follows the service, or none."""
    noun = rule.removeprefix(f"/api/v1/{service}").strip("/").partition("/")[0]
    return "" if noun.startswith("<") else noun.strip(".").replace("-", "_")


@pytest.mark.parametrize("service", SERVICES)
def test_internal_routes_cannot_be_reached_by_the_gateway_s_prefixes(
    apps: dict[str, Flask], service: str
) -> None:
    reachable = [
        rule
        for rule, view in own_views(apps[service])
        if view.access.kind == "internal" and not rule.startswith("/internal/")
    ]

    assert reachable == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_public_route_is_in_openapi(apps: dict[str, Flask], service: str) -> None:
    documented = {path for _, path in documented_operations(apps[service])}
    public = {as_template(rule) for rule, view in own_views(apps[service]) if view.access.kind != "internal"}

    assert public - documented == set()


def test_the_public_routes_are_those_that_clients_rely_on(apps: dict[str, Flask]) -> None:
    here = {
        f"{method.upper()} {path}"
        for service in SERVICES
        for method, path in documented_operations(apps[service])
    }
    promised, planned = contract()

    assert here - promised - planned == set(), "a route that is not promised: name it in public_routes.txt"
    assert promised - here == set(), "a promised route is gone"
    assert planned & here == set(), "a planned route is here: move it to the promised ones"


def test_every_route_of_the_shipped_table_leads_to_an_operation(apps: dict[str, Flask]) -> None:
    paths = {service: {path for _, path in documented_operations(apps[service])} for service in SERVICES}
    table = route_file.load(route_file.DEFAULT_FILE, VARIABLES)

    nowhere = [
        f"{match.route.name}: {match.prefix.decode()}"
        for match in table.matches
        if not match.route.parts and not leads_to(paths[match.route.upstream], match.prefix.decode())
    ]
    empty = [
        f"{match.route.name}: {name}"
        for match in table.matches
        for name, part in match.route.parts.items()
        if part.path.partition("?")[0] not in paths[part.upstream]
    ]

    assert nowhere == []
    assert empty == []


def leads_to(paths: set[str], prefix: str) -> bool:
    """Whether one of the operations is at the prefix or below it."""
    return any(f"{path}/".startswith(f"{prefix}/") for path in paths)


def documented_operations(app: Flask) -> set[tuple[str, str]]:
    """(method, path) of each operation in the service's document, names of parameters left out."""
    paths = app.test_client().get("/openapi.json").get_json()["paths"]
    return {(method, nameless(path)) for path, item in paths.items() for method in item if method in METHODS}


def contract() -> tuple[set[str], set[str]]:
    """The routes of public_routes.txt: those that are promised, and those to come."""
    promised, planned = CONTRACT.read_text().split("# To come\n")
    return _lines(promised), _lines(planned)


def _lines(text: str) -> set[str]:
    return {" ".join(line.split()) for line in text.splitlines() if line and not line.startswith("#")}


def as_template(rule: str) -> str:
    """Flask's ``/x/<uuid:id>`` as OpenAPI's ``/x/{}``."""
    return "/".join("{}" if part.startswith("<") else part for part in rule.split("/"))


def nameless(path: str) -> str:
    """``/x/{id}`` as ``/x/{}``: how a parameter is called is not part of the contract."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
