"""The processes of the backend as the runner starts them: command, environment, readiness."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deploy.local import probes
from deploy.local.program import Probe, Program
from deploy.processes import SERVICES


def mailbox(environment: Mapping[str, str]) -> Program:
    """The mail catcher."""
    ready = probes.http(int(environment["MAILBOX_PORT"]), "/readyz")
    return _program("mailbox", ["mailbox"], environment, ready)


def migration(service: str, environment: Mapping[str, str]) -> Program:
    """A service's migrations, run to their end."""
    return _program(f"{service}-migrate", ["migrate", service], environment)


def servers(environment: Mapping[str, str]) -> list[Program]:
    """The services and their workers."""
    programs = []
    for service in SERVICES:
        heartbeat = Path(environment["TMPDIR"]) / f"doorward-{service}-worker.alive"
        programs.append(_serving(service, environment))
        programs.append(
            _program(f"{service}-worker", ["work", service], environment, probes.touched(heartbeat))
        )
    return programs


def gateway(environment: Mapping[str, str]) -> Program:
    """The gateway, ready when all behind it is."""
    return _serving("gateway", environment)


def _serving(process: str, environment: Mapping[str, str]) -> Program:
    port = int(environment[f"{process.upper()}_PORT"])
    program = _program(process, ["serve", process], environment, probes.http(port, "/readyz"))
    return replace(program, noise="setting_unknown")  # the runner has said so, for all of them


def _program(
    name: str, arguments: list[str], environment: Mapping[str, str], is_ready: Probe | None = None
) -> Program:
    # -P keeps the working directory out of the import path: the project is installed.
    command = [sys.executable, "-P", "-m", "deploy", *arguments]
    if is_ready is None:
        return Program(name, command, environment)
    return Program(name, command, environment, is_ready)
