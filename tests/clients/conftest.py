"""One `doorward up` for all that others build on Doorward, with the route file of the page behind it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.chassis.testing.engines import free_port
from shared.chassis.testing.processes import stop_all
from tests.clients import tools
from tests.clients.page import Page
from tests.clients.services import FRAMEWORKS, Service
from tests.deploy.conftest import Runner
from tests.system.backend import ROOT


@pytest.fixture(scope="session")
def page() -> Page:
    """The page that a team follows."""
    return Page(ROOT / "docs" / "adding-a-service.md")


@pytest.fixture(scope="session")
def packages() -> Path:
    """Python's packages of other people's programs."""
    return tools.python_folder()


@pytest.fixture(scope="session")
def node() -> Path:
    """Node's packages of other people's programs."""
    return tools.node_folder()


@pytest.fixture(scope="session")
def services(page: Page, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Service]:
    """The page's service by framework; none of them runs yet."""
    return {name: Service(name, free_port(), tmp_path_factory.mktemp(name)) for name in FRAMEWORKS}


@pytest.fixture(scope="session")
def started(
    page: Page, services: dict[str, Service], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Runner, str]]:
    """`doorward up` with the page's `.env`, ready with no service there, and what it wrote until then."""
    runner = Runner(tmp_path_factory.mktemp("up") / "data")
    routes = ",".join(str(service.write(page)) for service in services.values())
    lines = page.files[".env"].replace("orders.toml", routes)
    runner.folder.with_suffix(".env").write_text(lines)
    try:
        runner.start_until_ready()
        runner.await_text("the gateway asks again every second")
        yield runner, runner.text
    finally:
        runner.stop()


@pytest.fixture(scope="session")
def runner(started: tuple[Runner, str]) -> Runner:
    """The runner that all tests share."""
    return started[0]


@pytest.fixture(scope="session")
def said_at_the_start(started: tuple[Runner, str]) -> str:
    """What the runner had written when nobody had asked it anything yet."""
    return started[1]


@pytest.fixture(scope="session")
def running(
    runner: Runner, page: Page, services: dict[str, Service], packages: Path, node: Path
) -> Iterator[dict[str, Service]]:
    """The services, started as the page says; each test waits for what it wants of them."""
    assert "Doorward is ready" in runner.text
    processes: list[subprocess.Popen[bytes]] = [
        service.start(page, gateway_url=runner.gateway_url, packages=packages, node=node)
        for service in services.values()
    ]
    yield services
    stop_all(*processes)
