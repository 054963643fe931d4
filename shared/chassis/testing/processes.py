"""A process that a test starts: what it is told, and how it ends.

A process that ends in order leaves behind which lines it has run, for the coverage of the whole; one
that is killed does not. So what need not be killed is stopped.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.chassis.testing.engines import wait_until

GRACE_SECONDS = 15.0
# Python, Celery and all our code, on a machine that is busy with other tests.
WORKER_START_SECONDS = 90.0


@dataclass(frozen=True)
class Worker:
    """The Celery worker of a service: what follows the interpreter, and what it is told."""

    arguments: Sequence[str]
    environment: Mapping[str, str]

    @classmethod
    def of(cls, service: str, environment: Mapping[str, str]) -> "Worker":
        """As `doorward work` starts it."""
        return cls(["-m", "deploy", "work", service], environment)


@contextmanager
def working(*workers: Worker) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The workers' processes from when all of them work; they are ended with the ``with``."""
    with TemporaryDirectory(prefix="doorward-workers-") as folder:
        processes = []
        try:
            for number, worker in enumerate(workers):
                processes.append(_started(worker, Path(folder) / str(number)))
            for process, own in zip(processes, sorted(Path(folder).iterdir()), strict=True):
                _await_work(process, own)
            yield processes
        finally:
            stop_all(*processes)


def _started(worker: Worker, folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir()  # of its own, since two workers of a service would touch the same heartbeat
    command = [sys.executable, *worker.arguments]
    return subprocess.Popen(command, env={**worker.environment, "TMPDIR": str(folder)})  # noqa: S603


def _await_work(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Return when the worker's relay touches its heartbeat file, which it does when all else is up."""

    def works() -> bool:
        assert process.poll() is None, f"the worker ended with {process.returncode} before it worked"  # noqa: S101
        return any(folder.glob("doorward-*-worker.alive"))

    wait_until(works, what="a worker that works", seconds=WORKER_START_SECONDS)


def bare_environment(**variables: str) -> dict[str, str]:
    """``variables``, and of this run's own environment only what finds programs and measures coverage."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or _is_of_coverage(name)}
    return {**kept, **variables}


def uncounted(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` without what measures coverage: it makes the start of each process much longer."""
    return {name: value for name, value in environment.items() if not _is_of_coverage(name)}


def _is_of_coverage(name: str) -> bool:
    return name.startswith("COVERAGE_")


def stop_all(*processes: subprocess.Popen[Any], grace_seconds: float = GRACE_SECONDS) -> None:
    """End the processes in order, all at once, and by force what has not ended within the grace."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            kill_group(process)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """End it without a chance to tidy up, with all that it started if it leads a group."""
    if process.poll() is None:
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
