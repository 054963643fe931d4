"""The runner as a user starts it: a process of its own, on free ports, in a folder of the test."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import uncounted

PORTS = (
    "GATEWAY_PORT",
    "GATEWAY_METRICS_PORT",
    "AUTH_PORT",
    "USERS_PORT",
    "NOTIFICATIONS_PORT",
    "MAILBOX_PORT",
    "MAILBOX_SMTP_PORT",
)
START_SECONDS = 110.0
# Databases that the first runner of a test run has migrated: the others need not.
TEMPLATES = Path.home() / ".cache" / "doorward-tests" / "databases"


class Runner:
    """`doorward up` on one data folder."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.arguments: list[str] = []
        self.output: list[str] = []
        chosen = {name: "0" for name in PORTS}
        own = {
            "DOORWARD_DATA_DIR": str(folder),
            "DOORWARD_ENV_FILE": str(folder.with_suffix(".env")),
            "DOORWARD_TEMPLATE_DIR": str(TEMPLATES),
        }
        self.environment = uncounted({**os.environ, **own, **chosen, **variables})
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def text(self) -> str:
        """All that it has written in this life."""
        return "".join(self.output)

    @property
    def state(self) -> dict[str, Any]:
        """What the runner wrote down: the environment and the processes."""
        return dict(json.loads((self.folder / "state.json").read_text()))

    @property
    def processes(self) -> dict[str, int]:
        """The process ids by name."""
        return dict(self.state["processes"])

    @property
    def gateway_url(self) -> str:
        """Where clients call."""
        return str(self.state["environment"]["PUBLIC_URL"])

    def start(self) -> "Runner":
        """Start it; returns at once."""
        self.output = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy", "up", *self.arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def start_until_ready(self) -> "Runner":
        """Start it and return when it says that it is ready."""
        self.start()
        self.await_text("Doorward is ready")
        return self

    def await_text(self, text: str) -> None:
        """Return as soon as it has written ``text``."""

        def is_written() -> bool:
            assert text in self.text or self._is_running, self.text
            return text in self.text

        wait_until(is_written, what=f"{text!r} in the runner's output", seconds=START_SECONDS)

    def reload(self, outcome: str) -> None:
        """Have it read its settings again; returns when it says the outcome once more."""
        assert self.process is not None
        count = self.text.count(f" {outcome}\n")
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.text.count(f" {outcome}\n") > count, what=outcome, seconds=START_SECONDS)

    def first_json(self) -> dict[str, Any]:
        """The line that it prints for programs, awaited."""
        wait_until(self._json_lines, what="a line of JSON", seconds=START_SECONDS)
        return dict(json.loads(self._json_lines()[0]))

    def _json_lines(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.startswith("{")]

    def stop(self) -> int:
        """Ask it to end in order; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it without a chance to tidy up."""
        return self._end(signal.SIGKILL)

    def run_to_end(self) -> int:
        """Start it and return its exit code: for starts that fail."""
        self.start()
        assert self.process is not None
        code = self.process.wait(START_SECONDS)
        self._join()
        return code

    def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self._is_running:
            self.process.send_signal(number)
        code = self.process.wait(START_SECONDS)
        self._join()
        return code

    @property
    def _is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(10)
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)


def is_alive(pid: int) -> bool:
    """Whether the process runs, a zombie not counted."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def await_all_gone(pids: list[int]) -> None:
    """Return when none of the processes runs."""
    wait_until(lambda: not any(map(is_alive, pids)), what="the end of every process")


def status_of(url: str) -> int:
    """The status of a GET; 0 where nobody answers."""
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that the tests of a module share, since making its databases takes seconds."""
    folder = tmp_path_factory.mktemp("runner")
    # Where the tests run as root the server is nobody, who has to pass through.
    for path in (folder, folder.parent, folder.parent.parent):
        if os.geteuid() == 0 and path.stat().st_uid == 0:
            path.chmod(path.stat().st_mode | 0o011)
    return folder / "data"


@pytest.fixture
def new_runner() -> Iterator[Callable[..., Runner]]:
    """Makes runners that are gone after the test."""
    runners: list[Runner] = []

    def make(folder: Path, **variables: str) -> Runner:
        runners.append(Runner(folder, **variables))
        return runners[-1]

    yield make
    for runner in runners:
        if runner.process is not None:
            runner.stop()


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port that somebody listens on."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.fixture
def open_port() -> int:
    """A port that nobody listens on."""
    return free_port()
