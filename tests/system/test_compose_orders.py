"""One's own service behind the Compose stack, as docs/adding-a-service.md has it, in each framework."""

from collections.abc import Iterator

import httpx
import pytest

from shared.chassis.testing.engines import wait_until
from tests.clients.services import FRAMEWORKS
from tests.system import journey
from tests.system.compose import ComposeStack
from tests.system.journey import Journey
from tests.system.orders import Team

pytestmark = [
    pytest.mark.docker,
    pytest.mark.system,
    pytest.mark.timeout(900),
]
ORDERS = "/api/v1/orders"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The team; nothing of it runs yet."""
    team = Team(tmp_path_factory.mktemp("team"))
    yield team
    team.close()


@pytest.fixture(scope="module", params=FRAMEWORKS)
def stack(team: Team, request: pytest.FixtureRequest) -> ComposeStack:
    """The stack with the service, in this framework, as soon as the gateway has found it."""
    team.start(request.param)

    def is_there() -> bool:
        answer = httpx.get(f"{team.stack.gateway_url}/readyz", timeout=10, trust_env=False)
        return bool(answer.json()["optional"]["orders"] == "pass")

    wait_until(is_there, what="the service orders at the gateway", seconds=60)
    return team.stack


@pytest.fixture
def caller(stack: ComposeStack) -> Journey:
    """An account without any role."""
    caller = Journey(stack.gateway_url, stack.mailbox_url, patience_seconds=30)
    caller.register()
    caller.verify()
    return caller


@pytest.fixture
def clerk(stack: ComposeStack, caller: Journey) -> Journey:
    """An account that an administrator has given the role of the page."""
    account = journey.expect(get(caller, "/api/v1/users/me"), 200)["id"]
    admin = Journey(stack.gateway_url, stack.mailbox_url)
    create = ("doorward", "create-admin", "--email", admin.email, "--password", journey.PASSWORD)
    stack.run("exec", "-T", "auth", *create)
    admin.sign_in()
    path, headers = f"/api/v1/auth/accounts/{account}", journey.bearer(admin.pair["access_token"])
    journey.expect(admin.client.patch(path, json={"roles": ["clerk"]}, headers=headers), 200)
    caller.sign_in()
    return caller


def get(caller: Journey, path: str) -> httpx.Response:
    return caller.client.get(path, headers=journey.bearer(caller.pair["access_token"]))


def test_own_service_under_compose_knows_its_caller(caller: Journey) -> None:
    account = journey.expect(get(caller, "/api/v1/users/me"), 200)["id"]

    order = journey.expect(get(caller, f"{ORDERS}/7"), 200)

    assert order == {"number": 7, "owner": account}
    assert caller.client.get(f"{ORDERS}/7").json()["code"] == "token_missing"
    assert get(caller, f"{ORDERS}/all").json()["code"] == "role_required"
    assert get(caller, f"{ORDERS}/report").json()["code"] == "scope_required"


def test_roles_and_scopes_reach_the_service_under_compose(clerk: Journey) -> None:
    headers = journey.bearer(clerk.pair["access_token"])
    body = {"name": "report", "scopes": ["orders:read"]}

    made = clerk.client.post("/api/v1/auth/api-keys", json=body, headers=headers)
    by_key = {"X-API-Key": journey.expect(made, 201)["key"]}
    report = clerk.client.get(f"{ORDERS}/report", headers=by_key)

    assert journey.expect(get(clerk, f"{ORDERS}/all"), 200) == {"orders": []}
    assert journey.expect(report, 200) == {"count": 0, "scope": "orders:read"}


def test_commands_and_documents_under_compose_show_the_service(team: Team, stack: ComposeStack) -> None:
    operation = journey.whole_document(stack.gateway_url)["paths"][f"{ORDERS}/{{number}}"]["get"]

    printed = team.look()

    assert operation["operationId"] == "get_order"
    assert operation["x-doorward-route"]["name"] == "orders"
    assert f"{ORDERS}/all/*" in printed
    assert "orders: http://orders:9000" in printed
    assert "/etc/doorward/orders.toml" in printed


@pytest.mark.parametrize("stack", ["flask"], indirect=True)
def test_policy_of_a_teams_own_runs_in_the_compiled_gateway(
    team: Team, stack: ComposeStack, caller: Journey
) -> None:
    headers = journey.bearer(caller.pair["access_token"])
    with httpx.Client(base_url=stack.gateway_url, headers=headers, trust_env=False) as impatient:
        before = impatient.get(f"{ORDERS}/8")
        (team.policies / "closed").touch()
        while_closed = impatient.get(f"{ORDERS}/8")
        (team.policies / "closed").unlink()

    assert (before.status_code, while_closed.status_code) == (200, 503)
    assert while_closed.json()["detail"].startswith("Down for maintenance")
    assert while_closed.headers["x-maintenance-file"] == "/policies/closed"


@pytest.mark.parametrize("stack", ["flask"], indirect=True)
def test_changed_routes_are_checked_and_read_by_the_compiled_gateway(
    team: Team, stack: ComposeStack, caller: Journey
) -> None:
    check = ("doorward", "check-routes", "/etc/doorward/orders.toml", "/policies/routes.toml")
    routes = team.policies / "routes.toml"
    good = routes.read_text()
    added = good.replace("closing", "added").replace("orders/8", "orders/9").replace("closed", "shut")

    routes.write_text(good.replace("file =", "fil ="))
    checked = stack.attempt("exec", "-T", "gateway", *check)
    routes.write_text(good + added)
    stack.run("kill", "--signal", "HUP", "gateway")

    def is_read() -> bool:
        return get(caller, f"{ORDERS}/9").headers.get("x-maintenance-file") == "/policies/shut"

    wait_until(is_read, what="the added route", seconds=60)
    assert checked.returncode == 1
    assert "/policies/routes.toml: routes[0].policies (orders-closing): maintenance: " in checked.stdout
