"""A policy of a team's own, as the docs show it."""

import re
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from gateway import route_file
from gateway.cli import check_routes, explain, routes
from gateway.policies.own import registry_of
from gateway.policies.policy import Policy
from shared.chassis.settings import SettingsError
from shared.chassis.testing.tokens import SECRET
from tests.gateway.conftest import ORIGIN, Gateway, StartGateway
from tests.gateway.test_route_file import VARIABLES

PAGE = Path(__file__).parents[2] / "docs" / "gateway.md"
SECTION = PAGE.read_text().partition("## A policy of your own")[2].partition("\n## ")[0]
CODE, ROUTE = re.findall(r"```(?:python|toml)\n(.*?)```", SECTION, re.DOTALL)
UPSTREAM = '[upstreams.orders]\nurls = ["${USERS_URL}"]\n'


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's class and route, which commands and gateways see."""
    (tmp_path / "maintenance.py").write_text(CODE)
    (tmp_path / "orders.toml").write_text(
        UPSTREAM + ROUTE.replace("/run/maintenance", f"{tmp_path}/closed") + 'access = "public"\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    values = {
        "PYTHONPATH": str(tmp_path),
        "GATEWAY_POLICIES": "maintenance:Maintenance",
        "GATEWAY_ROUTES_FILE": str(tmp_path / "orders.toml"),
        "JWT_SECRET_KEY": SECRET,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PUBLIC_URL": "http://gateway.test",
        "GATEWAY_SESSION_SECRET_KEY": SECRET,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_the_class_of_the_docs_does_what_they_say(start_gateway: StartGateway, files: Path) -> None:
    gateway: Gateway = start_gateway(
        GATEWAY_ROUTES_FILE=str(files / "orders.toml"), GATEWAY_POLICIES="maintenance:Maintenance"
    )
    with httpx.Client(base_url=gateway.url, headers={"Origin": ORIGIN}) as client:
        before = client.get("/api/v1/orders")
        (files / "closed").touch()
        while_closed = client.get("/api/v1/orders/7")
        elsewhere = client.get("/api/v1/auth/x")
        (files / "closed").unlink()
        after = client.get("/api/v1/orders")

    assert [answer.status_code for answer in (before, while_closed, elsewhere, after)] == [200, 503, 200, 200]
    assert while_closed.json()["detail"].startswith("Down for maintenance")
    assert while_closed.headers["access-control-allow-origin"] == ORIGIN
    assert (
        before.headers["x-maintenance-file"]
        == while_closed.headers["x-maintenance-file"]
        == f"{files}/closed"
    )
    assert "x-maintenance-file" not in elsewhere.headers


def test_the_class_is_short() -> None:
    lines = CODE.partition("class ")[2].splitlines()

    assert len([line for line in lines if line.strip()]) <= 20


def test_what_it_describes_is_shown(files: Path) -> None:
    text = CliRunner().invoke(explain, ["GET", "/api/v1/orders"]).output
    table = CliRunner().invoke(routes).output

    assert f"503 while {files}/closed is there" in text
    assert f"503 while {files}/closed is there" in table


@pytest.mark.parametrize(
    ("before", "after", "mistake"),
    [
        ("{ file =", "{ fil =", "orders.toml: routes[0].policies (orders): maintenance: "),
        (
            "{ maintenance =",
            "{ other =",
            "orders.toml: routes[0].policies (orders): GATEWAY_POLICIES names no policy other.",
        ),
    ],
)
def test_mistakes_in_its_table_are_found(files: Path, before: str, after: str, mistake: str) -> None:
    path = files / "orders.toml"
    path.write_text(path.read_text().replace(before, after))

    outcome = CliRunner().invoke(check_routes, [str(path)])

    assert outcome.exit_code == 1
    assert mistake in outcome.output


class Nameless(Policy):
    """Has forgotten its name."""


@pytest.mark.parametrize(
    ("addresses", "mistake"),
    [
        (["nothing"], "is no module:Class"),
        (["no.such:Class"], "is no module:Class"),
        (["gateway.policies.policy:None_"], "is no module:Class"),
        (["gateway.routing:Table"], "is no subclass"),
        (["tests.gateway.test_own_policies:Nameless"], "needs a name"),
    ],
)
def test_what_is_no_policy_stops_the_start(addresses: list[str], mistake: str) -> None:
    with pytest.raises(SettingsError, match=mistake):
        registry_of(addresses)


def test_without_policies_no_route_has_any() -> None:
    table = route_file.load_over_builtin([], VARIABLES)

    kinds = {type(policy).__module__ for match in table.matches for policy in match.acting.policies}
    assert {kind.rpartition(".")[0] for kind in kinds} == {"gateway.policies"}
