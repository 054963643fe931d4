"""``doorward work``: run the Celery worker of a service, its relay threads with it."""

import warnings
from importlib import import_module
from socket import gethostname
from typing import Any

import click

from deploy.processes import SERVICES, load_settings
from shared.chassis import logs
from shared.contracts.queues import QUEUES


@click.command()
@click.argument("service", type=click.Choice(SERVICES))
def work(service: str) -> None:
    """Run the worker of SERVICE until it is told to stop (SIGTERM: after the tasks at hand)."""
    settings: Any = load_settings(service)
    logs.install(f"{service}-worker", settings.log_level)
    # What Celery warns root of is pickle, and only JSON is accepted here.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
    celery = import_module(f"services.{service}.worker").celery
    # The app factory names the process after the service; from here on its lines are the worker's.
    logs.install(f"{service}-worker", settings.log_level)
    celery.worker_main(worker_arguments(service, settings.worker_concurrency, settings.log_level))


def worker_arguments(service: str, concurrency: int, log_level: str) -> list[str]:
    """Celery's command line: threads, this service's queues, and no chatter between workers."""
    return [
        "--quiet",
        "worker",
        "--pool=threads",
        f"--concurrency={concurrency}",
        f"--queues={','.join(QUEUES[service])}",
        f"--hostname={service}@{gethostname()}",
        f"--loglevel={log_level}",
        # Each worker stands alone: what they say to each other would go through Redis for nothing.
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
