"""``doorward serve``: check the settings of a process, then become its gunicorn."""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

import click

from deploy import known_settings, metrics_folder, preflight
from deploy.processes import PROCESSES, load_settings
from shared.chassis import logs
from shared.chassis.settings import SettingsError

log = logs.get_logger(__name__)

CONFIGURATION = Path(__file__).with_name("gunicorn.conf.py")


@click.command()
@click.argument("process", type=click.Choice(list(PROCESSES)))
def serve(process: str) -> None:
    """Serve PROCESS until SIGTERM, which lets running requests finish."""
    settings = check(process)
    logs.install(process, settings.log_level)
    for sentence in known_settings.unknown(os.environ, [process]):
        log.warning("setting_unknown", detail=sentence)
    become_gunicorn(gunicorn_arguments(process, settings))


def check(process: str) -> Any:
    """The settings; raises SettingsError where the process could not run with them."""
    metrics_folder.announce()  # the route table, which is checked too, imports prometheus_client
    try:
        preflight.check([process], os.environ)
        preflight.check_stored([process])
        return load_settings(process)
    except SettingsError:
        metrics_folder.remove()
        raise


def become_gunicorn(arguments: list[str]) -> None:
    """Run `python -m gunicorn` in this interpreter: what is imported by now need not be imported again.

    The command line becomes that of the command gunicorn, which its own re-execution (SIGUSR2) starts; the
    module's file would put gunicorn's folder, with an `http` of its own, before the standard library.
    """
    sys.argv = [str(Path(sys.executable).with_name("gunicorn")), *arguments]
    runpy.run_module("gunicorn", run_name="__main__")


def gunicorn_arguments(process: str, settings: Any) -> list[str]:
    """What follows the name on gunicorn's command line."""
    kind = PROCESSES[process]
    ports = [settings.port]
    if process == "gateway":
        ports.append(settings.metrics_port)  # the gateway answers /metrics on this one only
    arguments = ["--config", f"file:{CONFIGURATION}", "--name", process]
    for port in ports:
        arguments += ["--bind", f"{_bracketed(settings.host)}:{port}"]
    arguments += ["--worker-class", kind.worker_class, "--workers", str(settings.workers)]
    if kind.has_threads:
        arguments += ["--threads", str(settings.threads)]
    arguments += _tls_arguments(settings)
    return [*arguments, "--log-level", settings.log_level.lower(), kind.app]


def _tls_arguments(settings: Any) -> list[str]:
    certificate = getattr(settings, "tls_certificate_file", None)
    if certificate is None:
        return []
    key = settings.tls_key_file
    return ["--certfile", str(certificate), *([] if key is None else ["--keyfile", str(key)])]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
