"""A Doorward out of images: ``docker compose up`` with its own file, in a project of its own."""

import secrets
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from doorward_testkit.backend import WITHOUT_LIMITS, Backend, StartError, inherited

START_SECONDS = 300


class ComposeBackend(Backend):
    """Everything in containers; only gateway and mailbox have ports on this machine."""

    def __init__(self, file: Path, settings: Mapping[str, str]) -> None:
        self._file = file.absolute()
        self._project = f"doorward-testkit-{secrets.token_hex(4)}"
        ports = {"GATEWAY_PORT": str(_free_port()), "MAILBOX_PORT": str(_free_port())}
        chosen = {**WITHOUT_LIMITS, **ports, **settings}
        self._environment = {**inherited(), "COMPOSE_DISABLE_ENV_FILE": "true", **chosen}
        try:
            self._compose("up", "--wait", "--wait-timeout", str(START_SECONDS))
        except BaseException:
            self.close()
            raise
        super().__init__(
            f"http://127.0.0.1:{chosen['GATEWAY_PORT']}", f"http://127.0.0.1:{chosen['MAILBOX_PORT']}", chosen
        )

    def create_admin(self, *, email: str, password: str) -> None:
        """Make an administrator by the command that an operator would call."""
        self._compose(
            "run", "--rm", "--no-deps", "auth", "create-admin", "--email", email, "--password", password
        )

    def close(self) -> None:
        """Remove containers, networks and volumes."""
        subprocess.run(
            self._line("down", "--volumes", "--timeout", "5"), env=self._environment, capture_output=True
        )

    def _compose(self, *arguments: str) -> None:
        outcome = subprocess.run(
            self._line(*arguments),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if outcome.returncode != 0:
            raise StartError(f"docker compose {arguments[0]} failed:\n{outcome.stdout[-4000:]}")

    def _line(self, *arguments: str) -> list[str]:
        options = [
            "--file",
            str(self._file),
            "--project-name",
            self._project,
            "--profile",
            "dev",
            "--ansi",
            "never",
        ]
        return ["docker", "compose", *options, *arguments]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
