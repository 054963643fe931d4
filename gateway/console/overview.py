"""What the dashboard shows: one worker's view of services, limits and routes, read without asking anybody."""

from dataclasses import dataclass

from gateway.described import DescribedTable, described
from gateway.pipeline import Pipeline
from gateway.readiness import is_well
from shared.chassis.health import Check


@dataclass(frozen=True, slots=True)
class ReplicaRow:
    """A replica of a service."""

    service: str
    address: str
    is_healthy: bool
    breaker: str
    outstanding: int
    idle: int


@dataclass(frozen=True, slots=True)
class View:
    """The dashboard's content."""

    checks: dict[str, bool]
    replicas: list[ReplicaRow]
    table: DescribedTable
    version: str
    workers: int


class Overview:
    """Reads the state of one worker."""

    def __init__(self, pipeline: Pipeline, checks: dict[str, Check]) -> None:
        self._pipeline = pipeline
        self._checks = checks
        self._table = described(pipeline.table)

    def now(self) -> View:
        """The state as it is."""
        pipeline = self._pipeline
        return View(
            checks={name: is_well(check) for name, check in self._checks.items()},
            replicas=[
                ReplicaRow(
                    service=service.name,
                    address=f"{replica.pool.host}:{replica.pool.port}",
                    is_healthy=bool(replica.is_healthy),
                    breaker=replica.breaker.state.replace("_", " "),
                    outstanding=replica.outstanding,
                    idle=replica.pool.idle_count,
                )
                for service in pipeline.services.values()
                for replica in service.replicas
            ],
            table=self._table,
            version=pipeline.table.version,
            workers=pipeline.resources.limiter.workers,
        )
