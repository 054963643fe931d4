"""A gateway that speaks TLS itself: to clients alone, not to what looks after it."""

import asyncio
import os
import signal
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from deploy.local import environment, probes, programs
from deploy.local.folder import DataFolder
from deploy.local.settings import LocalSettings
from shared.chassis.testing.engines import free_port, wait_until
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.tls_upstream import Authority

PROBE = Path(__file__).parents[2] / "deploy" / "probe.sh"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def gateway(start_gateway: StartGateway, authority: Authority) -> Gateway:
    certificate = str(authority.issue("localhost"))
    return start_gateway(GATEWAY_TLS_CERTIFICATE_FILE=certificate, PUBLIC_URL="https://localhost")


def probe(variables: dict[str, str]) -> int:
    """The exit status of a container's health check."""
    outcome = subprocess.run(
        ["bash", PROBE, "answers"], env=variables, stderr=subprocess.DEVNULL, timeout=60, check=False
    )
    return outcome.returncode


def test_clients_are_served_by_tls_and_health_without(gateway: Gateway, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=authority.file)
    url = f"https://localhost:{gateway.port}"
    with httpx.Client(base_url=url, verify=context) as client:
        forwarded = client.get("/api/v1/auth/x").json()
        own = client.get("/openapi.json").json()
    plain = [["x-forwarded-proto", "https"] in forwarded["headers"], own["servers"]]

    assert plain == [True, [{"url": url}, {"url": "https://localhost"}]]
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{gateway.url}/livez")
    assert httpx.get(gateway.metrics_url).status_code == 200


def test_a_certificate_that_is_away_for_a_moment_ends_nothing(gateway: Gateway, authority: Authority) -> None:
    """As while it is being renewed: neither a reload nor a worker that is replaced needs the file."""
    Path(gateway.settings["GATEWAY_TLS_CERTIFICATE_FILE"]).unlink()
    before = gateway.worker_pids()

    gateway.signal(signal.SIGHUP)
    wait_until(lambda: "settings_not_taken" in gateway.lines(), what="a line that says so")
    wait_until(lambda: set(before).isdisjoint(gateway.worker_pids() or before), what="workers of after")
    reloaded = gateway.worker_pids()
    os.kill(reloaded[0], signal.SIGKILL)
    wait_until(lambda: gateway.worker_pids() not in ([], reloaded), what="another worker")

    context = ssl.create_default_context(cafile=authority.file)

    def answers() -> bool:
        try:
            url = f"https://localhost:{gateway.port}/api/v1/auth/x"
            return httpx.get(url, verify=context).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers, what="an answer over TLS")


def test_what_looks_after_it_asks_without_tls(gateway: Gateway) -> None:
    variables = {**gateway.settings, "PATH": "/usr/bin:/bin", "TMPDIR": str(gateway.log.parent)}
    ready = programs.gateway(variables).is_ready
    wait_until(lambda: asyncio.run(ready(0)), what="the runner's readiness")

    assert probe(variables) == 0
    assert probe({**variables, "GATEWAY_METRICS_PORT": str(free_port())}) != 0
    assert asyncio.run(probes.services_away(gateway.metrics_port)) == []


def test_the_runner_names_it_by_its_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    monkeypatch.setenv("GATEWAY_TLS_CERTIFICATE_FILE", "certificate.pem")
    ports = {"GATEWAY_PORT": 4443, "AUTH_PORT": 1, "USERS_PORT": 2, "NOTIFICATIONS_PORT": 3}
    more = {"valkey": 4, "postgres": 5, "MAILBOX_SMTP_PORT": 6}
    built = environment.build(LocalSettings(), DataFolder(tmp_path), secrets=_Any(), ports={**ports, **more})

    assert built["PUBLIC_URL"] == "https://127.0.0.1:4443"


class _Any(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return name
