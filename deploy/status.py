"""`doorward status`: every process with its state, age and version, and what waits in the services' queues.

It asks each process over HTTP, so that it works beside `doorward up` and in a container alike. What only the
machine knows of its processes comes from ``deploy.local``, where that is installed.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

import click
import httpx
from pydantic import Field, HttpUrl

from shared.chassis.settings import EnvironmentSettings

SECONDS = 5.0
HEADER = ("PROCESS", "STATE", "AGE", "PID", "VERSION")
QUEUE_HEADER = ("QUEUE", "WAITING", "OLDEST", "REFUSED")
_SAMPLE = re.compile(r"^(doorward_\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class StatusSettings(EnvironmentSettings):
    """Where each process answers."""

    gateway_metrics_port: int = Field(9090, validation_alias="GATEWAY_METRICS_PORT")
    auth_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8001"), validation_alias="AUTH_URL")
    users_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8002"), validation_alias="USERS_URL")
    notifications_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8003"), validation_alias="NOTIFICATIONS_URL")

    @property
    def urls(self) -> dict[str, str]:
        """The addresses by process; the gateway's is the port that has its health and metrics."""
        services = {"auth": self.auth_url, "users": self.users_url, "notifications": self.notifications_url}
        return {
            "gateway": f"http://127.0.0.1:{self.gateway_metrics_port}",
            **{name: str(url).rstrip("/") for name, url in services.items()},
        }


class Sample(NamedTuple):
    """A value out of the metrics of a process."""

    name: str
    labels: dict[str, str]
    value: float


class Answer(NamedTuple):
    """What a process says of itself."""

    state: str
    is_ready: bool
    samples: list[Sample]

    def find(self, name: str, **labels: str) -> Iterator[Sample]:
        """The samples of a metric that have these labels."""
        return (one for one in self.samples if one.name == name and labels.items() <= one.labels.items())


@click.command()
def status() -> None:
    """Show every process, its version, what waits in each queue, and since when.

    Exits with 1 if a process is not ready.
    """
    answers = {name: _ask(url) for name, url in StatusSettings.load().urls.items()}
    click.echo(f"Doorward {version('doorward')}\n")
    _show([HEADER, *_processes(answers)])
    click.echo("")
    _show([QUEUE_HEADER, *_queues(answers)])
    if not all(answer.is_ready for answer in answers.values()):
        raise SystemExit(1)


def _ask(url: str) -> Answer:
    try:
        ready = httpx.get(f"{url}/readyz", timeout=SECONDS, trust_env=False)
        metrics = httpx.get(f"{url}/metrics", timeout=SECONDS, trust_env=False)
    except httpx.TransportError as error:
        return Answer(f"no answer at {url} ({type(error).__name__})", is_ready=False, samples=[])
    return Answer(_state(ready), is_ready=ready.status_code == 200, samples=_samples(metrics.text))


def _state(answer: httpx.Response) -> str:
    found: dict[str, Any] = answer.json()
    failing = [name for name, result in found.get("checks", {}).items() if result != "pass"]
    away = [name for name, result in found.get("optional", {}).items() if result != "pass"]
    said = f"not ready: {', '.join(failing)}" if failing else "ready"
    return said + (f"; away: {', '.join(away)}" if away else "")


def _samples(text: str) -> list[Sample]:
    return [
        Sample(name, dict(_LABEL.findall(labels)), float(value))
        for name, labels, value in _SAMPLE.findall(text)
    ]


def _processes(answers: dict[str, Answer]) -> Iterator[tuple[str, ...]]:
    known = import_module("deploy.local.running").processes() if find_spec("deploy.local") else {}
    for name in [*answers, *(name for name in known if name not in answers)]:
        answer, running = answers.get(name), known.get(name)
        versions = [one.labels["version"] for one in answer.find("doorward_build_info")] if answer else []
        yield (
            name,
            answer.state if answer else "running",
            running.age if running else "-",
            str(running.pid) if running else "-",
            ", ".join(sorted(set(versions))) or "-",
        )


def _queues(answers: dict[str, Answer]) -> Iterator[tuple[str, ...]]:
    for service, answer in answers.items():
        for waiting in answer.find("doorward_outbox_waiting"):
            oldest = next(answer.find("doorward_outbox_oldest_seconds", **waiting.labels)).value
            dead = next(answer.find("doorward_outbox_dead", **waiting.labels)).value
            yield f"messages of {service}", f"{waiting.value:.0f}", f"{oldest:.0f} s", f"{dead:.0f}"
        for lane in answer.find("doorward_lane_oldest_due_seconds"):
            yield f"mails, {lane.labels['lane']}", "-", f"{lane.value:.0f} s", "-"


def _show(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
