"""The processes of the backend as the runner starts them: command, environment, readiness."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deploy import known_settings
from deploy.local import probes
from deploy.local.program import Probe, Program
from deploy.processes import SERVICES

# Lines that libraries write of themselves, or that an event of ours says better.
ALEMBIC = "Context impl|Will assume"
CELERY = r"Task \S+ (received|succeeded)"
GUNICORN = "Using worker|setting_unknown"  # the runner has said so, for all of them

HEALTH_PORT = "GATEWAY_METRICS_PORT"  # of the gateway: it speaks no TLS there, whatever its own port does


def mailbox(environment: Mapping[str, str]) -> Program:
    """The mail catcher."""
    ready = probes.http(int(environment["MAILBOX_PORT"]), "/readyz")
    return _program("mailbox", ["mailbox"], environment, ready)


def migration(service: str, environment: Mapping[str, str]) -> Program:
    """A service's migrations, run to their end."""
    own = known_settings.without_others(environment, service)
    return replace(_program(f"{service}-migrate", ["migrate", service], own), noise=ALEMBIC)


def servers(environment: Mapping[str, str]) -> list[Program]:
    """The services and their workers."""
    programs = []
    for service in SERVICES:
        heartbeat = Path(environment["TMPDIR"]) / f"doorward-{service}-worker.alive"
        programs.append(_serving(service, environment, port=f"{service.upper()}_PORT"))
        own = known_settings.without_others(environment, service)
        worker = _program(f"{service}-worker", ["work", service], own, probes.touched(heartbeat))
        programs.append(replace(worker, noise=CELERY))
    return programs


def gateway(environment: Mapping[str, str]) -> Program:
    """The gateway, ready when all behind it is. A reload is its route file and its certificates."""
    return replace(_serving("gateway", environment, port=HEALTH_PORT), reload_signal=signal.SIGHUP)


def _serving(process: str, environment: Mapping[str, str], *, port: str) -> Program:
    ready = probes.http(int(environment[port]), "/readyz")
    program = _program(
        process, ["serve", process], known_settings.without_others(environment, process), ready
    )
    return replace(program, noise=GUNICORN)


def _program(
    name: str, arguments: list[str], environment: Mapping[str, str], is_ready: Probe | None = None
) -> Program:
    # -P keeps the working directory out of the import path: the project is installed.
    command = [sys.executable, "-P", "-m", "deploy", *arguments]
    if is_ready is None:
        return Program(name, command, environment)
    return Program(name, command, environment, is_ready)
