"""The real Compose stack under a project name of its own, on ports of its own."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.chassis.testing.engines import free_port
from tests.system import journey
from tests.system.backend import ROOT


@dataclass
class ComposeStack:
    """`docker compose` with this repository's file in a checkout, as a newcomer has it: without an .env."""

    folder: Path = ROOT
    project: str = field(default_factory=lambda: f"doorward-test-{secrets.token_hex(3)}")
    gateway_port: int = field(default_factory=free_port)
    mailbox_port: int = field(default_factory=free_port)

    @property
    def gateway_url(self) -> str:
        """Where clients call."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def mailbox_url(self) -> str:
        """Where the mails can be read."""
        return f"http://127.0.0.1:{self.mailbox_port}"

    def up(self, *arguments: str) -> None:
        """Start what is not up and wait until all of it is healthy; what went wrong is told by the logs."""
        outcome = self.attempt("up", "--wait", "--wait-timeout", "240", *arguments)
        assert outcome.returncode == 0, self.attempt("logs", "--tail", "15").stdout
        journey.wait_until_ready(self.gateway_url)

    def run(self, *arguments: str, timeout: int = 600, **environment: str) -> str:
        """What a command printed; raises AssertionError with all of it where it failed."""
        outcome = self.attempt(*arguments, timeout=timeout, **environment)
        assert outcome.returncode == 0, outcome.stdout
        return outcome.stdout

    def attempt(
        self, *arguments: str, timeout: int = 600, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """The outcome of a command, whatever it is; its output is one text."""
        docker = shutil.which("docker") or "docker"
        return subprocess.run(
            [docker, "compose", "--project-name", self.project, "--ansi", "never", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )

    @contextmanager
    def logs_of_failures(self) -> Iterator[None]:
        """What goes wrong in here is told with what the gateway and the services said last."""
        try:
            yield
        except BaseException as error:
            error.add_note(self.attempt("logs", "--tail", "15", "gateway", "auth", "users").stdout)
            raise

    def close(self) -> None:
        """Remove containers, networks and volumes; Doorward's images stay for the next run's cache."""
        self.attempt("down", "--volumes", "--remove-orphans", "--timeout", "5")

    @property
    def environment(self) -> dict[str, str]:
        """What `docker compose` runs with."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
        return kept | {
            "COMPOSE_DISABLE_ENV_FILE": "true",
            "GATEWAY_PORT": str(self.gateway_port),
            "MAILBOX_PORT": str(self.mailbox_port),
            "GATEWAY_TRUSTED_PROXY_COUNT": "1",  # so that a test can speak for many clients
        }
