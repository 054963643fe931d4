"""What a worker reports of itself, so that the service's `/readyz` can say how all of them fare."""

import os
import socket
from typing import Any

from services.notifications.deps import deps
from services.notifications.metrics import BREAKER
from services.notifications.models import db
from services.notifications.store import overview, queue, workers
from shared.chassis.database import transaction
from shared.chassis.logs import mask_text

PRESENT_SECONDS = 30.0  # a worker that is silent for longer is not there
FORGOTTEN_SECONDS = 86_400.0
_STATES = {"closed": 0, "half_open": 1, "open": 2}


def report() -> None:
    """Say that this worker is there, and how the mail servers behave; share them with the others there."""
    servers = [_server(outlet.server.name, outlet.breaker) for outlet in deps().sender.outlets]
    for server in servers:
        BREAKER.labels(server["name"]).set(_STATES[server["breaker"]])
    with transaction(db):
        workers.report(f"{socket.gethostname()}:{os.getpid()}", servers)
        present = workers.count_within(PRESENT_SECONDS)
    for outlet in deps().sender.outlets:
        outlet.share(present)


def _server(name: str, breaker: Any) -> dict[str, Any]:
    error = breaker.last_error
    return {"name": name, "breaker": breaker.state, "last_error": mask_text(error) if error else None}


def details() -> dict[str, Any]:
    """How deliveries fare: the lanes, attempts whose worker is gone, and the workers with their servers."""
    due = queue.due_seconds()
    present = workers.seen_within(PRESENT_SECONDS)
    found = {
        "oldest_due_seconds": {lane: round(due.get(lane, 0.0), 1) for lane in deps().settings.slots},
        "expired_leases": overview.expired_leases(),
        "last_sweep_at": max((worker.seen_at for worker in present), default=None),
        "workers": [{"name": worker.name, "servers": worker.servers} for worker in present],
    }
    db.session.rollback()
    return found


def forget() -> int:
    """Delete the workers that have not been there for a day; how many."""
    with transaction(db):
        return workers.forget(FORGOTTEN_SECONDS)
