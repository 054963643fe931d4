"""The pytest plugin: the run's servers as fixtures, and which ones they are in the header.

``servers``, ``postgres_server``, ``redis_url`` and ``service_database`` are shared by the run, each
pytest-xdist worker with databases of its own; ``private_postgres`` and ``private_redis`` are one test's.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from shared.chassis import open_files
from shared.chassis.testing import servers as choice
from shared.chassis.testing.clients import PostgresServer, PrivatePostgres, PrivateRedis
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.servers import Servers

SERVERS = pytest.StashKey[Servers]()
has_docker = cache(choice.has_docker)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the servers, or take those that the pytest-xdist controller chose."""
    open_files.allow_many()  # a test may be thousands of clients
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[SERVERS] = choice.from_worker_input(worker_input["doorward_servers"])
        return
    try:
        config.stash[SERVERS] = Servers(choice.choose_kind())
    except choice.NoDocker as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a pytest-xdist worker where the servers answer; the first one has them started."""
    node.workerinput["doorward_servers"] = node.config.stash[SERVERS].share()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started."""
    if SERVERS in config.stash:
        config.stash[SERVERS].close()


def pytest_report_header(config: pytest.Config) -> str:
    """Say which servers the tests run on."""
    return f"servers: {choice.DESCRIPTIONS[config.stash[SERVERS].kind]}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs Docker where there is none, unless it is required."""
    if item.get_closest_marker("docker") and not choice.is_docker_required() and not has_docker():
        pytest.skip("no Docker engine answers here (REQUIRE_DOCKER=1 makes this a failure)")


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The run's PostgreSQL and Redis."""
    return pytestconfig.stash[SERVERS]


@pytest.fixture(scope="session")
def postgres_server(servers: Servers) -> PostgresServer:
    """The run's PostgreSQL: ``create_database(name)`` gives the URL of a new database."""
    return servers.postgres


@pytest.fixture(scope="session")
def redis_url(servers: Servers, worker_number: int) -> str:
    """The URL of this worker's own Redis database; it is flushed before each test that uses it."""
    return servers.redis.url(worker_number)


@pytest.fixture(scope="session")
def worker_number(pytestconfig: pytest.Config) -> int:
    """0, 1, 2… for the workers of pytest-xdist, 0 without them."""
    worker_id = getattr(pytestconfig, "workerinput", {}).get("workerid", "gw0")
    return int(worker_id.removeprefix("gw"))


@pytest.fixture(scope="session")
def service_database(postgres_server: PostgresServer, worker_number: int) -> Iterator[ServiceDatabases]:
    """``service_database("auth")``: auth's database in this worker, emptied before each test.

    Its ``url`` goes into the settings of the app, and the app to its ``migrate``.
    """
    databases = ServiceDatabases(postgres_server, str(worker_number))
    yield databases
    databases.drop()


@pytest.fixture(autouse=True)
def _clean_servers(request: pytest.FixtureRequest) -> None:
    """Nothing of the test before is left; tests that use no server pay nothing for it."""
    if "service_database" in request.fixturenames:
        request.getfixturevalue("service_database").empty()
    if "redis_url" in request.fixturenames:
        servers = request.getfixturevalue("servers")
        servers.redis.flush(request.getfixturevalue("worker_number"))


@pytest.fixture
def private_postgres(servers: Servers) -> Iterator[PrivatePostgres]:
    """A PostgreSQL of this test alone, with a power switch (``stop``, ``start``, ``pause``…)."""
    server = servers.private_postgres()
    yield server
    server.close()


@pytest.fixture
def private_redis(servers: Servers) -> Iterator[PrivateRedis]:
    """A durable Redis of this test alone, with a power switch (``stop``, ``start``, ``pause``…)."""
    server = servers.private_redis()
    yield server
    server.close()
