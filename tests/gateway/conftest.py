"""A real gateway (gunicorn, its own worker class) and Redis, in front of an upstream that sees the bytes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from deploy.serve import gunicorn_arguments
from gateway.settings import GatewaySettings
from shared.chassis.ids import new_id
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import stop_all, uncounted
from shared.chassis.testing.tokens import SECRET, access_token, bearer
from shared.contracts import tokens
from tests.gateway.echo import Upstream

SESSION_SECRET = "a-session-secret-for-tests-that-is-long-enough"
ORIGIN = "https://app.example.org"


@dataclass
class Gateway:
    """A gateway process."""

    settings: dict[str, str]
    log: Path
    port: int
    metrics_port: int
    is_counted: bool = False  # for coverage, which nearly doubles what it costs
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    @property
    def health_url(self) -> str:
        """Where it says how it is, by TLS or not."""
        port = self.metrics_port if "GATEWAY_TLS_CERTIFICATE_FILE" in self.settings else self.port
        return f"http://127.0.0.1:{port}"

    def start(self) -> None:
        kept = os.environ if self.is_counted else uncounted(os.environ)
        environment = {key: value for key, value in kept.items() if not key.startswith("GATEWAY_")}
        settings = GatewaySettings(**_fields(self.settings))
        arguments = gunicorn_arguments("gateway", settings)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *arguments],
                env={**environment, "TMPDIR": str(self.log.parent), **self.settings},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self.answers, what=f"the gateway ({self.log.read_text()[-2000:]})", seconds=60)

    def worker_pids(self) -> list[int]:
        """The workers that there are now."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def resident_kib(self) -> int:
        """The memory of its only worker."""
        (worker,) = self.worker_pids()
        match = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{worker}/status").read_text(), re.MULTILINE)
        assert match is not None
        return int(match[1])

    def answers(self) -> bool:
        """Whether a worker answers now."""
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return httpx.get(f"{self.health_url}/livez", timeout=1).status_code == 200
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> None:
        """In order, and at once what does not end by itself; the ordered stop has tests of its own."""
        stop_all(self.process)

    def lines(self) -> str:
        return self.log.read_text()


def _fields(environment: dict[str, str]) -> dict[str, str]:
    names = {GatewaySettings.variable(field): field for field in GatewaySettings.model_fields}
    return {names[key]: value for key, value in environment.items()}


StartGateway = Callable[..., Gateway]


@pytest.fixture(scope="session")
def running_upstream() -> Iterator[Upstream]:
    server = Upstream()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def upstream(running_upstream: Upstream) -> Upstream:
    """The service behind every route; it remembers this test's requests."""
    running_upstream.requests.clear()
    running_upstream.handlers.clear()
    return running_upstream


@contextmanager
def pulse(redis_url: str) -> Iterator[None]:
    """As auth's worker: say all the while that revocations arrive."""
    stopping = Event()

    def beat() -> None:
        with Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1) as redis:
            while not stopping.wait(0.2):
                with suppress(RedisError):
                    redis.publish(tokens.REVOCATION_PULSE_CHANNEL, b'{"newest": 0, "is_stored": true}')

    worker = Thread(target=beat, daemon=True)
    worker.start()
    yield
    stopping.set()
    worker.join()


@pytest.fixture(scope="session", autouse=True)
def _pulse(redis_url: str) -> Iterator[None]:
    with pulse(redis_url):
        yield


@pytest.fixture
def start_gateway(redis_url: str, upstream: Upstream, tmp_path: Path) -> Iterator[StartGateway]:
    """``start_gateway(GATEWAY_WORKERS="2", routes="…")``: a gateway of this test alone, without coverage."""
    started: list[Gateway] = []

    def start(*, routes: str | None = None, **settings: str) -> Gateway:
        if routes is not None:
            path = tmp_path / f"routes-{len(started)}.toml"
            path.write_text(f"standalone = true\n{routes}")
            settings["GATEWAY_ROUTES_FILE"] = str(path)
        gateway = new_gateway(redis_url, upstream, tmp_path / f"gateway-{len(started)}.log", settings)
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="session")
def running_gateway(
    redis_url: str, running_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    log = tmp_path_factory.mktemp("gateway") / "gateway.log"
    gateway = new_gateway(redis_url, running_upstream, log, {})
    gateway.is_counted = True
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture
def gateway(running_gateway: Gateway, upstream: Upstream) -> Gateway:
    """A gateway with the shipped routes and one worker, shared by the run."""
    return running_gateway


def new_gateway(redis_url: str, upstream: Upstream, log: Path, settings: dict[str, str]) -> Gateway:
    port, metrics_port = free_port(), free_port()
    values = {
        "JWT_SECRET_KEY": SECRET,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "http://gateway.test",
        "GATEWAY_SESSION_SECRET_KEY": SESSION_SECRET,
        "GATEWAY_ALLOWED_ORIGINS": ORIGIN,
        "GATEWAY_PORT": str(port),
        "GATEWAY_METRICS_PORT": str(metrics_port),
        "GATEWAY_DRAIN_SECONDS": "0.2",
        "AUTH_URL": upstream.url,
        "USERS_URL": upstream.url,
        "NOTIFICATIONS_URL": upstream.url,
        "LOG_LEVEL": "INFO",
        **settings,
    }
    return Gateway(values, log, port, metrics_port)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, timeout=10) as client:
        yield client


@pytest.fixture
def account_id() -> UUID:
    return new_id()


@pytest.fixture
def signed_in(account_id: UUID) -> dict[str, str]:
    """The header of a caller with a valid access token."""
    return bearer(access_token(account_id))
