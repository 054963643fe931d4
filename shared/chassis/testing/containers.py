"""The servers as Testcontainers, under the very tags of production. Ports are bound to the loopback."""

import os
from typing import Any

# Ryuk, Testcontainers' reaper, is one more image to fetch; each engine here removes its own container.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.redis import RedisContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.waiting_utils import WaitStrategy, WaitStrategyTarget

from shared.chassis.testing.clients import ADMINISTRATOR, PostgresServer, RedisServer
from shared.chassis.testing.engines import Address, free_port, wait_until

POSTGRES_IMAGE = "postgres:18-bookworm"
REDIS_IMAGE = "redis:7-bookworm"
PASSWORD = "only-for-tests"  # noqa: S105  (the server listens on the loopback for as long as a test run)
# Nothing outlives the run, so nothing needs to reach the disk.
POSTGRES_OPTIONS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=400"]
REDIS_OPTIONS = ["--databases", "64", "--maxmemory-policy", "noeviction"]


def docker_answers() -> bool:
    """Whether there is a Docker engine to talk to."""
    try:
        client = DockerClient().client
        try:
            return bool(client.ping())
        finally:
            client.close()
    except Exception:  # whatever is wrong with Docker here, it does not answer
        return False


class NoWait(WaitStrategy):
    """Leaves the waiting to the engine, which asks the address that the tests will use."""

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        """Return at once."""


class ContainerEngine:
    """A container on a host port that was chosen beforehand, so that a restart keeps the address."""

    def __init__(self, container: DockerContainer, *, port: int, password: str = "") -> None:
        self._container = container
        self._is_created = False
        host_port = free_port()
        # Testcontainers' own variable names the host of an engine that is not on this machine.
        remote = os.environ.get("TESTCONTAINERS_HOST_OVERRIDE")
        binding: Any = host_port if remote else ("127.0.0.1", host_port)  # docker-py's form of one interface
        container.ports = {f"{port}/tcp": binding}
        container.with_kwargs(labels={"org.doorward.tests": "true"})
        container.waiting_for(NoWait())  # its own would ask another address of this host
        self.address = Address(remote or "127.0.0.1", host_port, password)

    def start(self) -> None:
        """Create the container, or start it again."""
        if self._is_created:
            self._container.get_wrapped_container().start()
        else:
            self._is_created = True
            self._container.start()
        wait_until(self._answers, what=f"an answer of {self._container.image}")

    def _answers(self) -> bool:
        raise NotImplementedError

    def stop(self) -> None:
        """Stop the container and keep it."""
        self._container.get_wrapped_container().stop(timeout=20)

    def pause(self) -> None:
        """Freeze the container."""
        self._container.get_wrapped_container().pause()

    def unpause(self) -> None:
        """Thaw the container."""
        self._container.get_wrapped_container().unpause()

    def close(self) -> None:
        """Remove the container with its volumes."""
        self._container.stop()


class PostgresEngine(ContainerEngine):
    """PostgreSQL in a container."""

    def __init__(self) -> None:
        container = PostgresContainer(
            POSTGRES_IMAGE, username=ADMINISTRATOR, password=PASSWORD, dbname=ADMINISTRATOR, driver=None
        )
        options = [part for option in POSTGRES_OPTIONS for part in ("-c", option)]
        container.with_command(["postgres", *options])
        super().__init__(container, port=5432, password=PASSWORD)

    def _answers(self) -> bool:
        return PostgresServer(self.address).answers()


class RedisEngine(ContainerEngine):
    """Redis in a container; ``is_durable`` writes each command to its append-only file."""

    def __init__(self, *, is_durable: bool) -> None:
        container = RedisContainer(REDIS_IMAGE)
        durability = ["--appendonly", "yes", "--appendfsync", "always"] if is_durable else ["--save", ""]
        container.with_command(["redis-server", *durability, *REDIS_OPTIONS])
        super().__init__(container, port=6379)

    def _answers(self) -> bool:
        return RedisServer(self.address).answers()
