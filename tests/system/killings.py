"""Who is killed while an account leaves: one process after each request, or one at a point of its work."""

import signal
import subprocess
import sys
from typing import Protocol

from shared.chassis.testing.engines import wait_until
from tests.system.backend import ROOT, Backend, RunningProcess
from tests.system.journey import wait_until_ready
from tests.system.leaving_points import DEATHS

PATIENCE_SECONDS = 120.0
POINTS = "tests.system.leaving_points"


class Killing(Protocol):
    """Who is killed on an account's way, and when."""

    def before(self, request: str) -> None:
        """Called before each request."""

    def after(self, request: str) -> None:
        """Called after it; whoever was killed works again when this returns."""


class AfterRequests:
    """One process is killed after each request."""

    def __init__(self, backend: Backend, victim: str) -> None:
        self._backend = backend
        self._victim = backend.processes[victim]

    def before(self, request: str) -> None:
        """As the interface says."""

    def after(self, request: str) -> None:
        """As the interface says."""
        self._victim.kill()
        _start_again(self._backend, self._victim)


class AtPoint:
    """A process kills itself at a named point of its work on one request."""

    def __init__(self, backend: Backend, name: str) -> None:
        self._backend = backend
        self._name = name
        self._death = DEATHS[name]

    def before(self, request: str) -> None:
        """As the interface says."""
        if request != self._death.request:
            return
        self._backend.wait_until_quiet()  # so that nothing else brings it there
        if self._death.process == "due":
            assert delete_due(self._backend, self._name) == -signal.SIGKILL
        else:
            victim = self._backend.processes[self._death.process]
            victim.stop()
            victim.start(POINTS, self._name)

    def after(self, request: str) -> None:
        """As the interface says."""
        if request != self._death.request or self._death.process == "due":
            return
        victim = self._backend.processes[self._death.process]
        wait_until(lambda: victim.has_ended, what=f"the end at {self._name!r}", seconds=PATIENCE_SECONDS)
        assert victim.process is not None
        assert victim.process.returncode == -signal.SIGKILL, victim.log()
        _start_again(self._backend, victim)


def _start_again(backend: Backend, victim: RunningProcess) -> None:
    # The lease of a part that a killed worker had is over: the trial does not wait two minutes for that.
    with backend.postgres.connect("users") as connection:
        connection.execute("UPDATE export_parts SET next_attempt_at = now() WHERE collected_at IS NULL")
    victim.start()
    if "worker" not in victim.name:
        wait_until_ready(backend.gateway_url)


def delete_due(backend: Backend, point: str = "nowhere") -> int:
    """What auth's worker does now and then, in a process that ends at ``point``; its exit code."""
    command = [sys.executable, "-m", POINTS, point, "due"]
    return subprocess.run(command, cwd=ROOT, env=backend.environment, check=False).returncode
