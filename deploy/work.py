"""``doorward work``: run the Celery worker of a service, its relay threads with it."""

import signal
import sys
import warnings
from socket import gethostname
from typing import Any

import click
from celery.signals import worker_ready

from deploy import preflight
from deploy.importing import import_quickly
from deploy.processes import SERVICES, load_settings
from shared.chassis import logs
from shared.contracts.queues import QUEUES


@click.command()
@click.argument("service", type=click.Choice(SERVICES))
def work(service: str) -> None:
    """Run the worker of SERVICE until SIGTERM or SIGHUP, which let running tasks finish."""
    settings: Any = load_settings(service)
    preflight.check_stored([service])
    logs.install(f"{service}-worker", settings.log_level)
    # What Celery warns root of is pickle, and only JSON is accepted here.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
    _end_by_hang_up()  # before the relays are: they tell that the worker works
    celery = import_quickly(f"services.{service}.worker").celery
    # The app factory names the process after the service; from here on its lines are the worker's.
    logs.install(f"{service}-worker", settings.log_level)
    # Not by way of Celery's command line, whose shell and its terminal make a start a quarter longer.
    worker = celery.Worker(**worker_options(service, settings.worker_concurrency, settings.log_level))
    worker.start()
    sys.exit(worker.exitcode)


def _end_by_hang_up() -> None:
    """Take SIGHUP for SIGTERM, or go on ignoring it (nohup).

    Celery would start the worker again, once all threads have ended. The relays' would not be told to: it
    would wait for them for ever, and do nothing.
    """
    was_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    @worker_ready.connect(weak=False)
    def replace_handler(**_signal: Any) -> None:
        end = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGHUP, signal.SIG_IGN if was_ignored else end)


def worker_options(service: str, concurrency: int, log_level: str) -> dict[str, Any]:
    """How Celery runs it: threads, this service's queues, and no chatter between workers."""
    return {
        "quiet": True,
        "pool_cls": "threads",
        "concurrency": concurrency,
        "queues": list(QUEUES[service]),
        "hostname": f"{service}@{gethostname()}",
        "loglevel": log_level,
        # Each worker stands alone: what they say to each other would go through Redis for nothing.
        "without_gossip": True,
        "without_mingle": True,
        "without_heartbeat": True,
    }
