"""A Doorward out of images, by Testcontainers: a container for each process, in a network of its own."""

import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from doorward_testkit import api
from doorward_testkit.backend import WITHOUT_LIMITS, Backend, StartError

POSTGRES, REDIS = "postgres:18-bookworm", "redis:7-bookworm"
SERVICES = ("auth", "users", "notifications")
PORT = 8000  # of every process in its container
PORTS = range(10_000, 32_000)  # of this machine: Linux gives out 32768 and up, others 49152 and up
START_SECONDS = 180.0


class ContainersBackend(Backend):
    """Everything in containers; only gateway and mailbox have ports on this machine."""

    def __init__(self, tag: str, settings: Mapping[str, str]) -> None:
        self._tag = tag
        self._chosen = {**WITHOUT_LIMITS, **settings}
        self._ports = dict(zip(("gateway", "mailbox"), _free_ports(2), strict=True))
        self._password = secrets.token_hex(16)
        self._secrets = {name: secrets.token_urlsafe(48) for name in ("jwt", "auth", "session")}
        self._containers: list[DockerContainer] = []
        self._network = Network().create()
        super().__init__(self._url("gateway"), self._url("mailbox"), self._chosen)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def network_name(self) -> str:
        """The network that all of its containers are in."""
        return str(self._network.name)

    def create_admin(self, *, email: str, password: str) -> None:
        """Make an administrator by the command that an operator would call."""
        line = ["doorward", "create-admin", "--email", email, "--password", password]
        outcome = self._auth.exec(line)
        if outcome.exit_code != 0:
            raise StartError(outcome.output.decode(errors="replace").strip())

    def close(self) -> None:
        """Remove containers, their volumes and the network."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(DockerContainer.stop, self._containers))
        self._network.remove()

    def _start(self) -> None:
        self._start_stores()
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._migrate, SERVICES))
            started = {name: pool.submit(self._run, name, *line) for name, line in _processes()}
            self._auth = started["auth"].result()
            for container in started.values():
                container.result()
        _wait(self._is_ready, what=self._last_words)

    def _start_stores(self) -> None:
        postgres = self._container(POSTGRES, "postgres", {"POSTGRES_PASSWORD": self._password})
        postgres.with_command("postgres -c fsync=off -c max_connections=300").start()
        self._container(REDIS, "redis", {}).with_command("redis-server --save ''").start()
        line = ["psql", "--username=postgres", "--host=127.0.0.1", "--command=SELECT 1"]
        environment = ["env", f"PGPASSWORD={self._password}"]
        _wait(lambda: postgres.exec([*environment, *line]).exit_code == 0, what=lambda: "PostgreSQL")
        for service in SERVICES:
            postgres.exec([*environment, *line[:-1], f"--command=CREATE DATABASE {service}"])

    def _migrate(self, service: str) -> None:
        container = self._run(service, "migrate", service, alias=f"{service}-migrate")
        outcome = container.get_wrapped_container().wait()
        if outcome["StatusCode"] != 0:
            raise StartError(f"migrate {service} failed:\n{_log_of(container)}")

    def _run(self, process: str, *line: str, alias: str = "") -> DockerContainer:
        """Start a command of ``doorward`` in the image of ``process``."""
        image = f"doorward-{process.removesuffix('-worker')}:{self._tag}"
        container = self._container(image, alias or process, self._environment(process))
        if process in self._ports:
            container.with_bind_ports(PORT, self._ports[process])
        return container.with_command(" ".join(line)).start()

    def _container(self, image: str, alias: str, environment: Mapping[str, str]) -> DockerContainer:
        container = DockerContainer(image).with_network(self._network).with_network_aliases(alias)
        for name, value in environment.items():
            container.with_env(name, value)
        self._containers.append(container)
        return container

    def _environment(self, process: str) -> dict[str, str]:
        service = process.removesuffix("-worker")
        others = tuple(f"{name.upper()}_" for name in ("gateway", *SERVICES, "mailbox") if name != service)
        values = {
            "DOORWARD_ENVIRONMENT": "development",
            "PUBLIC_URL": self.gateway_url,
            "JWT_SECRET_KEY": self._secrets["jwt"],
            "AUTH_SECRET_KEY": self._secrets["auth"],
            "GATEWAY_SESSION_SECRET_KEY": self._secrets["session"],
            "REDIS_URL": "redis://redis:6379/0",
            "NOTIFICATIONS_MAIL_FROM": "no-reply@doorward.test",
            "NOTIFICATIONS_SMTP_HOST": "mailbox",
            "NOTIFICATIONS_SMTP_PORT": "1025",
            "NOTIFICATIONS_SMTP_SECURITY": "none",
            "MAILBOX_SMTP_PORT": "1025",
            "MAILBOX_FOLDER": "/var/lib/doorward",
            "USERS_AVATAR_FOLDER": "/var/lib/doorward/avatars",
        }
        for name in SERVICES:
            values[f"{name.upper()}_DATABASE_URL"] = (
                f"postgresql://postgres:{self._password}@postgres:5432/{name}"
            )
        values |= self._chosen
        own = {name: value for name, value in values.items() if not name.startswith(others)}
        return own | {f"{name.upper()}_URL": f"http://{name}:{PORT}" for name in SERVICES}

    def _url(self, process: str) -> str:
        return f"http://127.0.0.1:{self._ports[process]}"

    def _is_ready(self) -> bool:
        addresses = (f"{self.gateway_url}/readyz", f"{self.mailbox_url}/readyz")
        try:
            return all(api.call("GET", address).status == 200 for address in addresses)
        except OSError:
            return False

    def _last_words(self) -> str:
        return "Doorward\n" + "\n".join(_log_of(container) for container in self._containers)


def _processes() -> Iterable[tuple[str, tuple[str, ...]]]:
    yield "mailbox", ("mailbox",)
    yield "gateway", ("serve", "gateway")
    for service in SERVICES:
        yield service, ("serve", service)
        yield f"{service}-worker", ("work", service)


def _log_of(container: DockerContainer) -> str:
    return "".join(part.decode(errors="replace")[-500:] for part in container.get_logs())


def _wait(is_done: Callable[[], Any], *, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise StartError(f"Not ready after {START_SECONDS:g} seconds: {what()}")
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    """Distinct ports that nobody listens on, none of them one that systems give to outgoing connections."""
    free: list[int] = []
    while len(free) < count:
        port = secrets.choice(PORTS)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            free += [port] * (port not in free)
    return free
