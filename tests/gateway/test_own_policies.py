"""A policy of a team's own, as the docs show it."""

import re
import signal
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from gateway import route_file
from gateway.cli import check_routes, explain, routes
from gateway.policies.own import registry_of
from gateway.policies.policy import Policy
from shared.chassis.settings import SettingsError
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import SECRET
from tests.gateway.conftest import ORIGIN, Gateway, StartGateway
from tests.gateway.echo import Received, Upstream
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


FAILING = """
from gateway.policies.policy import Policy

class Failing(Policy):
    name = "maintenance"

    def __init__(self, *, file: str) -> None:
        with open(file):
            pass

    def finish(self, exchange, fields) -> None:
        raise KeyError("of a team")
"""


def test_a_policy_that_cannot_read_its_file_leaves_the_routes_of_before(
    start_gateway: StartGateway, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises is a mistake in its table, also at a reload."""
    monkeypatch.setenv("GATEWAY_POLICIES", "failing:Failing")
    (files / "failing.py").write_text(FAILING)
    (files / "closed").touch()
    gateway = start_gateway(
        GATEWAY_ROUTES_FILE=str(files / "orders.toml"), GATEWAY_POLICIES="failing:Failing"
    )
    (files / "closed").unlink()

    checked = CliRunner().invoke(check_routes, [str(files / "orders.toml")])
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: "routes_not_taken" in gateway.lines(), what="a line that says so")

    assert checked.exit_code == 1
    assert "orders.toml: routes[0].policies (orders): maintenance: FileNotFoundError" in checked.output
    assert httpx.get(f"{gateway.url}/api/v1/auth/x").status_code == 200


def test_a_policy_that_fails_at_the_end_keeps_nothing_of_the_service(
    start_gateway: StartGateway, files: Path, upstream: Upstream
) -> None:
    (files / "failing.py").write_text(FAILING)
    (files / "closed").touch()

    async def stream(_request: Received, _reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1000)
        await writer.drain()

    upstream.handlers["/api/v1/orders"] = stream
    path = files / "orders.toml"
    path.write_text(path.read_text().replace('"]\n', '"]\nmost_outstanding = 2\n', 1))
    gateway = start_gateway(GATEWAY_ROUTES_FILE=str(path), GATEWAY_POLICIES="failing:Failing")

    answers = [httpx.get(f"{gateway.url}/api/v1/orders") for _ in range(5)]

    assert "most_outstanding" in path.read_text()
    assert len(upstream.at("/api/v1/orders")) == 5
    assert {answer.status_code for answer in answers} == {500}
    assert {answer.headers["connection"] for answer in answers} == {"close"}


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


def test_a_module_that_fails_while_it_is_imported_is_a_mistake(files: Path) -> None:
    (files / "breaking.py").write_text("{}['a key']\n")

    with pytest.raises(SettingsError, match="is no module:Class: KeyError: 'a key'"):
        registry_of(["breaking:Policy"])


def test_without_policies_no_route_has_any() -> None:
    table = route_file.load_over_builtin([], VARIABLES)

    kinds = {type(policy).__module__ for match in table.matches for policy in match.acting.policies}
    assert {kind.rpartition(".")[0] for kind in kinds} == {"gateway.policies"}
