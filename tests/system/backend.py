"""The real processes of Doorward, each of them a test's to start, stop and kill."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shared.chassis.testing.clients import PostgresServer, RedisServer
from shared.chassis.testing.engines import free_port
from shared.chassis.testing.processes import bare_environment, kill_group, stop_all, uncounted
from tests.system import journey
from tests.system.stored import SERVICES, Stored

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 60.0
SECRET = "a secret of more than thirty-two bytes, for tests"
OWN_SECRET = "a secret of auth alone of more than thirty-two bytes"


@dataclass
class RunningProcess:
    """One command of ``doorward`` and everything that it starts."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, *program: str) -> None:
        """Start it, by a test's ``program`` instead of `doorward`; its output goes to a file of its name."""
        temporary = self.folder / f"{self.name}-tmp"  # two workers of a service each have their heartbeat
        temporary.mkdir(exist_ok=True)
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *(program or ["deploy"]), *self.command],
                cwd=ROOT,
                env=self.environment | {"TMPDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        assert self.process is not None
        stop_all(self.process, grace_seconds=STOP_SECONDS)
        assert self.process.returncode != -signal.SIGKILL, f"{self.name} did not stop in order"

    def kill(self) -> None:
        """End it without a chance to tidy up, and all that it started."""
        assert self.process is not None
        kill_group(self.process)

    @property
    def has_ended(self) -> bool:
        """Whether it is not running any more, by whatever."""
        return self.process is not None and self.process.poll() is not None

    def log(self) -> str:
        """What it has written."""
        return (self.folder / f"{self.name}.log").read_text(errors="replace")


@dataclass
class Backend(Stored):
    """The whole of Doorward on some servers, ``count`` of each process that can be several."""

    postgres: PostgresServer
    redis: RedisServer
    folder: Path
    count: int = 1
    extra: dict[str, str] = field(default_factory=dict)
    processes: dict[str, RunningProcess] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = ["gateway", "metrics", "smtp", "mailbox", *SERVICES]
        self._ports = {name: free_port() for name in names}
        self.environment = self._environment()

    @property
    def gateway_url(self) -> str:
        """Where clients call."""
        return f"http://127.0.0.1:{self._ports['gateway']}"

    @property
    def mailbox_url(self) -> str:
        """Where the mails can be read."""
        return f"http://127.0.0.1:{self._ports['mailbox']}"

    def start(self) -> None:
        """Migrate, start everything, and return when the gateway is ready."""
        self.command("migrate", "all")
        self._add("mailbox", "mailbox")
        for service in SERVICES:
            self._add(service, "serve", service)
            for name in self.workers(service):
                self._add(name, "work", service)
        self._add("gateway", "serve", "gateway")
        journey.wait_until_ready(self.gateway_url)

    def workers(self, service: str) -> list[str]:
        """The names of the worker processes of ``service``."""
        return [f"{service}-worker-{number}" for number in range(1, self.count + 1)]

    def close(self) -> None:
        """End everything, in order where it goes."""
        started = [one.process for one in self.processes.values() if one.process is not None]
        stop_all(*reversed(started))

    def each(self, act: Callable[[RunningProcess], None], *names: str) -> None:
        """Do the same to several processes, as ``each(RunningProcess.kill, "users")``."""
        for name in names:
            act(self.processes[name])

    def _add(self, name: str, *command: str) -> None:
        process = RunningProcess(name, list(command), self.environment, self.folder)
        self.processes[name] = process
        process.start()

    def command(self, *arguments: str) -> None:
        """Run a command of ``doorward`` to its end."""
        command = [sys.executable, "-m", "deploy", *arguments]
        outcome = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert outcome.returncode == 0, outcome.stderr

    def _environment(self) -> dict[str, str]:
        ports = self._ports
        values = {
            **uncounted(bare_environment()),
            "HOME": str(self.folder),
            "DOORWARD_ENVIRONMENT": "development",
            "JWT_SECRET_KEY": SECRET,
            "AUTH_SECRET_KEY": OWN_SECRET,
            "REDIS_URL": self.redis.url(),
            "PUBLIC_URL": self.gateway_url,
            "GATEWAY_SESSION_SECRET_KEY": SECRET,
            "GATEWAY_PORT": str(ports["gateway"]),
            "GATEWAY_METRICS_PORT": str(ports["metrics"]),
            "GATEWAY_TRUSTED_PROXY_COUNT": "1",  # so that a test can speak for many clients
            "GATEWAY_DRAIN_SECONDS": "0",
            "GATEWAY_WORKERS": str(self.count),
            "NOTIFICATIONS_SMTP_HOST": "127.0.0.1",
            "NOTIFICATIONS_SMTP_PORT": str(ports["smtp"]),
            "NOTIFICATIONS_SMTP_SECURITY": "none",
            "NOTIFICATIONS_MAIL_FROM": "no-reply@doorward.test",
            # How soon the attempt of a worker that died is taken for lost.
            "NOTIFICATIONS_ATTEMPT_LEASE_SECONDS": "5",
            "NOTIFICATIONS_SMTP_TIMEOUT_SECONDS": "3",
            "NOTIFICATIONS_SMTP_FINAL_TIMEOUT_SECONDS": "5",
            "MAILBOX_SMTP_PORT": str(ports["smtp"]),
            "MAILBOX_PORT": str(ports["mailbox"]),
            "USERS_AVATAR_FOLDER": str(self.folder / "pictures"),
            # The machine's work and not the test's subject: what argon2 costs in production.
            "AUTH_PASSWORD_HASH_MEMORY_KIB": "8192",
        }
        for service in SERVICES:
            prefix = service.upper()
            values[f"{prefix}_URL"] = f"http://127.0.0.1:{ports[service]}"
            values[f"{prefix}_PORT"] = str(ports[service])
            values[f"{prefix}_WORKERS"] = str(self.count)
            values[f"{prefix}_DATABASE_URL"] = self.postgres.create_database(service)
            values[f"{prefix}_REDELIVERY_SECONDS"] = "2"
        return values | self.extra
