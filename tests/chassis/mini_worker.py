"""The miniature service's Celery worker, a process of its own as in production.

`celery -A tests.chassis.mini_worker:celery worker` with the settings and MINI_SERVICE in the environment.
"""

import os
from collections import Counter

from shared.chassis import messaging, tracing
from shared.chassis.settings import ServiceSettings
from shared.contracts.messages import AccountRegistered
from tests.chassis.conftest import new_mini

settings = ServiceSettings.load()
service = os.environ["MINI_SERVICE"]
mini = new_mini(settings, service=service)
tries: Counter[str] = Counter()


def hear(message: AccountRegistered) -> None:
    """Note whom it heard of; fail first for those whose name asks for it."""
    tries[message.email] += 1
    if message.email.startswith("twice-") and tries[message.email] <= 2:
        raise RuntimeError("not this time")
    trace = tracing.current()
    request_id = trace.request_id if trace else None
    mini.db.session.add(mini.heard_model(email=message.email, request_id=request_id))


celery = messaging.new_worker(
    mini.app,
    settings,
    mini.db,
    service=service,
    outbox=mini.outbox,
    inbox_model=mini.inbox_model,
    handlers={AccountRegistered: hear} if service == "users" else {},
)
