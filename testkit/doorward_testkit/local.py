"""A Doorward out of a checkout or a virtual environment: its ``doorward up``, in a folder of its own."""

import json
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from doorward_testkit.backend import WITHOUT_LIMITS, Backend, StartError, cache_folder, inherited

START_SECONDS = 120.0
STOP_SECONDS = 40.0
PORTS = (
    "GATEWAY_PORT",
    "GATEWAY_METRICS_PORT",
    "AUTH_PORT",
    "USERS_PORT",
    "NOTIFICATIONS_PORT",
    "MAILBOX_PORT",
    "MAILBOX_SMTP_PORT",
)


class LocalBackend(Backend):
    """Everything on this machine, on free ports, its data in a temporary folder."""

    def __init__(self, command: str, settings: Mapping[str, str]) -> None:
        self._command = _found(command)
        self._folder = Path(tempfile.mkdtemp(prefix="doorward-testkit-"))
        # PostgreSQL refuses to run as root and becomes another user, who has to get to its files.
        self._folder.chmod(0o711)
        self._log: deque[str] = deque(maxlen=200)
        templates = {"DOORWARD_TEMPLATE_DIR": str(cache_folder() / "databases")}
        chosen = {**WITHOUT_LIMITS, **dict.fromkeys(PORTS, "0"), **settings}
        own = {
            "DOORWARD_DATA_DIR": str(self.data_dir),
            "DOORWARD_ENV_FILE": str(self._folder / "no.env"),
        }
        self._environment = {**templates, **inherited(), **chosen, **own}
        try:
            place = self._start()
        except BaseException:
            self.close()
            raise
        super().__init__(place["gateway_url"], place["mailbox_url"], chosen)

    @property
    def data_dir(self) -> Path:
        """The data folder of `doorward up`."""
        return self._folder / "data"

    def run(self, *arguments: str) -> str:
        """What a command of `doorward` prints, run as an operator would beside it; raises StartError."""
        outcome = subprocess.run(
            [self._command, *arguments], env=self._environment, capture_output=True, text=True
        )
        if outcome.returncode != 0:
            raise StartError(outcome.stderr.strip())
        return outcome.stdout

    def create_admin(self, *, email: str, password: str) -> None:
        """Make an administrator by the command that an operator would call."""
        self.run("create-admin", "--email", email, "--password", password)

    def close(self) -> None:
        """Stop everything and delete the folder."""
        process = getattr(self, "_process", None)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process is not None:
            self._close_pipes(process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> dict[str, str]:
        self._process = subprocess.Popen(
            [self._command, "up", "--json"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        line = self._first_line()
        if not line:
            self._process.wait()
            raise StartError("doorward up did not become ready:\n" + "".join(self._log))
        place: dict[str, str] = json.loads(line)
        return place

    def _close_pipes(self, process: "subprocess.Popen[str]") -> None:
        """Leave no open file, of which pytest would warn at the end of the run."""
        self._reader.join(STOP_SECONDS)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def _first_line(self) -> str:
        """What it prints when it is ready; nothing where it ends or takes too long."""
        assert self._process.stdout is not None
        patience = threading.Timer(START_SECONDS, self._process.terminate)
        patience.start()
        try:
            return self._process.stdout.readline()
        finally:
            patience.cancel()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._log.append(line)


def _found(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        raise StartError(
            f"There is no command {command!r}. Set doorward_command in pytest's configuration to the one of "
            "a checkout, such as ../doorward/.venv/bin/doorward, or doorward_install to a wheel."
        )
    return path
