"""Which servers a test run uses, and their life: one pair for the whole run, more for failure tests.

``DOORWARD_TEST_SERVERS=docker|embedded`` decides; without it Docker is used where it answers.
``REQUIRE_DOCKER=1`` makes its absence a failure of the run.
"""

import os
from types import ModuleType
from typing import Any, Literal, cast

from shared.chassis.testing.clients import PostgresServer, PrivatePostgres, PrivateRedis, RedisServer
from shared.chassis.testing.engines import Address, Engine

Kind = Literal["docker", "embedded"]

DESCRIPTIONS: dict[Kind, str] = {
    "docker": "Testcontainers, postgres:18-bookworm and redis:7-bookworm",
    "embedded": "embedded, PostgreSQL and Valkey out of wheels",
}


class NoDocker(Exception):
    """Docker is required and does not answer."""


def is_docker_required() -> bool:
    """Whether tests that need Docker must run rather than be skipped."""
    return os.environ.get("REQUIRE_DOCKER", "") not in {"", "0"}


def has_docker() -> bool:
    """Whether Docker answers here."""
    from shared.chassis.testing import containers

    return containers.docker_answers()


def choose_kind() -> Kind:
    """The kind of servers for this run; raises NoDocker where it is required and absent."""
    wanted = os.environ.get("DOORWARD_TEST_SERVERS", "")
    if wanted not in {"", "docker", "embedded"}:
        raise NoDocker(f"DOORWARD_TEST_SERVERS is docker or embedded, not {wanted!r}")
    if wanted == "embedded" and not is_docker_required():
        return "embedded"
    if has_docker():
        return "docker" if wanted != "embedded" else "embedded"
    if wanted == "docker" or is_docker_required():
        raise NoDocker("Docker is required for this run, and no Docker engine answers")
    return "embedded"


class Servers:
    """The run's servers, started when first asked for; a pytest-xdist worker is only told the addresses."""

    def __init__(self, kind: Kind, addresses: dict[str, dict[str, Any]] | None = None) -> None:
        self.kind = kind
        self._addresses = {name: Address.from_dict(values) for name, values in (addresses or {}).items()}
        self._engines: list[Engine] = []

    @property
    def postgres(self) -> PostgresServer:
        """The PostgreSQL that all tests of the run share."""
        if "postgres" not in self._addresses:
            self._addresses["postgres"] = self._started(self._module().PostgresEngine()).address
        return PostgresServer(self._addresses["postgres"])

    @property
    def redis(self) -> RedisServer:
        """The Redis that all tests of the run share."""
        if "redis" not in self._addresses:
            self._addresses["redis"] = self._started(self._module().RedisEngine(is_durable=False)).address
        return RedisServer(self._addresses["redis"])

    def private_postgres(self) -> PrivatePostgres:
        """A PostgreSQL that the caller may stop, and has to close."""
        return PrivatePostgres(_start(self._module().PostgresEngine()))

    def private_redis(self) -> PrivateRedis:
        """A durable Redis that the caller may stop, and has to close."""
        return PrivateRedis(_start(self._module().RedisEngine(is_durable=True)))

    def share(self) -> dict[str, Any]:
        """Start both, and describe them to a pytest-xdist worker."""
        pair = {"postgres": self.postgres.address.as_dict(), "redis": self.redis.address.as_dict()}
        return {"kind": self.kind, "addresses": pair}

    def close(self) -> None:
        """Stop what this process started."""
        while self._engines:
            self._engines.pop().close()
        self._addresses.clear()

    def _started(self, engine: Engine) -> Engine:
        self._engines.append(_start(engine))
        return engine

    def _module(self) -> ModuleType:
        if self.kind == "docker":
            from shared.chassis.testing import containers

            return containers
        from shared.chassis.testing import embedded

        return embedded


def _start(engine: Engine) -> Engine:
    try:
        engine.start()
    except BaseException:
        engine.close()
        raise
    return engine


def from_worker_input(values: dict[str, Any]) -> Servers:
    """The servers that a controller's ``share`` described."""
    return Servers(cast("Kind", values["kind"]), values["addresses"])
