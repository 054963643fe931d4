"""What others build on Doorward: services behind it, and clients generated of its document."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.chassis.testing.engines import wait_until
from tests.clients.page import Page
from tests.clients.services import FRAMEWORKS, Service
from tests.clients.tools import HERE
from tests.deploy.conftest import Runner
from tests.system import journey

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("npm") is None, reason="node and npm are not installed"),
]
# As `tsc --init --strict` has it, and what strict leaves out.
STRICT = ("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--noImplicitOverride")
MODULES = ("--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", "--skipLibCheck")
COMPILE = """
const document = JSON.parse(require("fs").readFileSync(0, "utf8"));
let count = 0;
(function walk(value) {
  if (value === null || typeof value !== "object") return;
  if (typeof value.pattern === "string") { new RegExp(value.pattern, "u"); count += 1; }
  Object.values(value).forEach(walk);
})(document);
console.log(count);
"""
SCHEMA = re.compile(r'"#/components/schemas/([^"]+)"')


class Caller:
    """Somebody with an account, who calls through the gateway."""

    def __init__(self, runner: Runner) -> None:
        mailbox = f"http://127.0.0.1:{runner.state['environment']['MAILBOX_PORT']}"
        traveller = journey.Journey(runner.gateway_url, mailbox)
        traveller.register()
        traveller.verify()
        self.email = traveller.email
        self._client = traveller.client
        self.pair = traveller.pair

    def sign_in(self) -> None:
        body = {"email": self.email, "password": journey.PASSWORD}
        self.pair = journey.expect(self._client.post("/api/v1/auth/login", json=body), 200)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._client.request(
            method, path, headers=journey.bearer(self.pair["access_token"]), **options
        )


@pytest.fixture(scope="module")
def caller(runner: Runner) -> Caller:
    """An account without any role."""
    return Caller(runner)


@pytest.fixture(scope="module")
def clerk(runner: Runner) -> Caller:
    """An account that an administrator has given the role of the page."""
    clerk = Caller(runner)
    account = clerk.call("GET", "/api/v1/users/me").json()["id"]
    email, password = journey.new_address(), journey.PASSWORD
    command(runner, "create-admin", "--email", email, "--password", password)
    body = {"email": email, "password": password}
    pair = httpx.post(f"{runner.gateway_url}/api/v1/auth/login", json=body, timeout=30).json()
    journey.expect(
        httpx.patch(
            f"{runner.gateway_url}/api/v1/auth/accounts/{account}",
            json={"roles": ["clerk"]},
            headers=journey.bearer(pair["access_token"]),
            timeout=30,
        ),
        200,
    )
    clerk.sign_in()
    return clerk


def command(runner: Runner, *words: str) -> str:
    """What a command beside the runner prints."""
    line = [sys.executable, "-m", "deploy", *words]
    outcome = subprocess.run(line, env=runner.environment, capture_output=True, text=True, timeout=60)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def await_service(runner: Runner, service: Service) -> None:
    def is_there() -> bool:
        answer = httpx.get(f"{runner.gateway_url}/readyz", timeout=5).json()
        return bool(answer["optional"][service.name] == "pass")

    wait_until(is_there, what=f"{service.name} ({service.folder / 'log'})", seconds=60)


def test_service_that_does_not_run_yet_is_one_line(
    runner: Runner, said_at_the_start: str, services: dict[str, Service]
) -> None:
    names = ", ".join(sorted(service.name for service in services.values()))

    assert f"Away:      {names} (the gateway asks again every second)\n" in said_at_the_start
    assert warnings_in(said_at_the_start) == []
    # Later lines are of tests beside this one, whose services start, and may be slow on a busy machine.
    assert "Traceback" not in runner.text


def warnings_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if "| warning" in line]


def test_page_installs_what_is_tested(page: Page, services: dict[str, Service]) -> None:
    pins = json.loads((HERE / "package.json").read_text())["dependencies"].keys()
    lines = (HERE / "requirements.txt").read_text().splitlines()
    names = [line.partition("=")[0].partition("[")[0] for line in lines]

    for service in services.values():
        assert service.installed(page) <= {*pins, *names}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_commands_of_the_page_see_the_service(
    runner: Runner, page: Page, services: dict[str, Service], framework: str
) -> None:
    service = services[framework]
    check, routes, explain = [line.split()[1:] for line in page.commands()]

    checked = command(runner, *check[:-1], str(service.folder / "orders.toml"))
    listed = command(runner, *routes)
    explained = command(runner, *explain[:-1], explain[-1].replace("/api/v1/orders", service.prefix))

    assert f"3 routes: {service.name}, {service.name}-all, {service.name}-report" in checked
    assert f"{service.prefix}/all/*" in listed
    assert f"{service.name}: http://127.0.0.1:{service.port}" in explained
    assert str(service.folder / "orders.toml") in explained


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_own_service_knows_its_caller(
    runner: Runner, running: dict[str, Service], caller: Caller, framework: str
) -> None:
    service = running[framework]
    await_service(runner, service)
    account = caller.call("GET", "/api/v1/users/me").json()["id"]

    answer = caller.call("GET", f"{service.prefix}/7")
    past_the_gateway = httpx.get(f"http://127.0.0.1:{service.port}{service.prefix}/7")

    assert journey.expect(answer, 200) == {"number": 7, "owner": account}
    assert past_the_gateway.status_code == 401
    assert httpx.get(f"{runner.gateway_url}{service.prefix}/7").json()["code"] == "token_missing"


def test_call_of_the_page_reaches_the_service(
    runner: Runner, page: Page, running: dict[str, Service], caller: Caller, tmp_path: Path
) -> None:
    service = running["flask"]
    await_service(runner, service)
    (line,) = page.commands("try")
    line = line.replace("http://127.0.0.1:8080", runner.gateway_url).replace("/api/v1/orders", service.prefix)

    printed = run("bash", "-euc", line, folder=tmp_path, TOKEN=caller.pair["access_token"])

    assert '"number":7' in printed.replace(" ", "")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_roles_and_scopes_count_at_the_gateway_and_reach_the_service(
    runner: Runner, running: dict[str, Service], caller: Caller, clerk: Caller, framework: str
) -> None:
    service = running[framework]
    await_service(runner, service)
    body = {"name": framework, "scopes": ["orders:read"]}
    key = journey.expect(clerk.call("POST", "/api/v1/auth/api-keys", json=body), 201)["key"]
    report = f"{runner.gateway_url}{service.prefix}/report"

    assert journey.expect(clerk.call("GET", f"{service.prefix}/all"), 200) == {"orders": []}
    assert caller.call("GET", f"{service.prefix}/all").json()["code"] == "role_required"
    assert caller.call("GET", f"{service.prefix}/report").json()["code"] == "scope_required"
    by_key = httpx.get(report, headers={"X-API-Key": key}, timeout=30)
    assert journey.expect(by_key, 200) == {"count": 0, "scope": "orders:read"}


def test_own_services_stand_in_the_document(runner: Runner, running: dict[str, Service]) -> None:
    for service in running.values():
        await_service(runner, service)

    paths = journey.whole_document(runner.gateway_url)["paths"]

    for service in running.values():
        operation = paths[f"{service.prefix}/{{number}}"]["get"]
        assert operation["operationId"] == "get_order"
        assert operation["x-doorward-route"]["name"] == service.name


def test_keys_are_rotated_by_a_command_beside_the_runner(runner: Runner) -> None:
    before = command(runner, "list-keys")

    command(runner, "rotate-keys")

    assert len(command(runner, "list-keys").splitlines()) > len(before.splitlines())


@pytest.fixture(scope="module")
def document(runner: Runner, running: dict[str, Service]) -> dict[str, Any]:
    """What Doorward says of itself, without the services of the page."""
    assert running  # or it would lack what they say of themselves
    found = journey.whole_document(runner.gateway_url)
    before = used_schemas(found)
    found["paths"] = {path: item for path, item in found["paths"].items() if "/orders-" not in path}
    for name in before - used_schemas(found):
        del found["components"]["schemas"][name]
    return found


def used_schemas(document: dict[str, Any]) -> set[str]:
    """The schemas that the operations name, and those that these name."""
    schemas, used = document["components"]["schemas"], set[str]()
    found = set(
        SCHEMA.findall(json.dumps({**document, "components": {**document["components"], "schemas": {}}}))
    )
    while found - used:
        used |= found
        found = set(SCHEMA.findall(json.dumps([schemas[name] for name in used])))
    return used


def environment(runner: Runner, **more: str) -> dict[str, str]:
    """Where the programs of others find Doorward and its mailbox."""
    mailbox = f"http://127.0.0.1:{runner.state['environment']['MAILBOX_PORT']}"
    own = {"DOORWARD_URL": runner.gateway_url, "MAILBOX_URL": mailbox}
    return {"PATH": os.environ["PATH"], "HOME": str(runner.folder), **own, **more}


def run(*line: str | Path, folder: Path, **environment: str) -> str:
    """What a program prints; its failure is an AssertionError with all of it."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    outcome = subprocess.run(line, cwd=folder, env=own | environment, capture_output=True, text=True)
    assert outcome.returncode == 0, f"{outcome.stdout}\n{outcome.stderr}"
    return outcome.stdout + outcome.stderr


@pytest.fixture
def workshop(tmp_path: Path, node: Path, document: dict[str, Any]) -> Path:
    """A folder with node's packages, the document, and what the linter leaves out."""
    (tmp_path / "node_modules").symlink_to(node / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "openapi.json").write_text(json.dumps(document, indent=1))
    for name in ("redocly.yaml", ".redocly.lint-ignore.yaml", "journey.ts"):
        shutil.copy(HERE / name, tmp_path)
    return tmp_path


def test_redocly_has_nothing_to_say(workshop: Path) -> None:
    printed = run(workshop / "node_modules/.bin/redocly", "lint", "openapi.json", folder=workshop, CI="1")

    assert "valid" in printed
    assert "3 problems are explicitly ignored" in printed
    assert "was generated by" not in printed  # as it says of each warning and error


def test_javascript_compiles_every_pattern(document: dict[str, Any]) -> None:
    outcome = subprocess.run(
        ["node", "-e", COMPILE], input=json.dumps(document), capture_output=True, text=True
    )

    assert outcome.returncode == 0, outcome.stderr
    assert int(outcome.stdout) >= 6


def test_typescript_client_compiles_strictly_and_walks_the_journey(runner: Runner, workshop: Path) -> None:
    binaries = workshop / "node_modules" / ".bin"
    run(binaries / "openapi-typescript", "openapi.json", "--output", "openapi.ts", folder=workshop)

    run(binaries / "tsc", *STRICT, *MODULES, "--lib", "es2022,dom", "journey.ts", folder=workshop)
    printed = run("node", "journey.js", folder=workshop, **environment(runner))

    assert json.loads(printed) == {
        "status": "verification_sent",
        "refusal": "invalid_credentials",
        "locale": "de",
        "timezone": "Europe/London",
        "signedOut": 204,
    }


def test_python_client_passes_mypy_strictly_and_walks_the_journey(
    runner: Runner, packages: Path, tmp_path: Path, document: dict[str, Any]
) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.yml").write_text("project_name_override: doorward-client\npost_hooks: []\n")
    shutil.copy(HERE / "journey.py.txt", tmp_path / "journey.py")
    generate = ("generate", "--path", "openapi.json", "--config", "config.yml", "--meta", "none")
    python = {"PYTHONPATH": f"{packages}{os.pathsep}{tmp_path}"}

    run(sys.executable, "-m", "openapi_python_client", *generate, folder=tmp_path, **python)
    run(sys.executable, "-m", "mypy", "--strict", "journey.py", folder=tmp_path, MYPYPATH=str(tmp_path))
    printed = run(sys.executable, "journey.py", folder=tmp_path, **environment(runner, **python))

    assert json.loads(printed) == {
        "refusal": "invalid_credentials",
        "locale": "de",
        "timezone": "Europe/London",
        "signedOut": 204,
    }


def test_bodies_are_optional_where_nothing_in_them_is_needed(document: dict[str, Any]) -> None:
    paths = ["/api/v1/auth/refresh", "/api/v1/notifications/templates/{name}/preview"]

    assert [document["paths"][path]["post"]["requestBody"].get("required", False) for path in paths] == [
        False
    ] * 2
