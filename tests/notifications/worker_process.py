"""A real worker of notifications as a process of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from services.notifications.settings import NotificationsSettings
from shared.chassis.testing.processes import Worker, uncounted, working

FIELDS = (
    "smtp_host",
    "smtp_port",
    "smtp_security",
    "smtp_timeout_seconds",
    "smtp_final_timeout_seconds",
    "mail_from",
    "attempt_lease_seconds",
    "retry_seconds",
    "repeat_seconds",
    "stuck_seconds",
    "worker_concurrency",
    "urgent_slots",
    "normal_slots",
    "bulk_slots",
    "worker_metrics_port",
)


def environment_of(settings: NotificationsSettings) -> dict[str, str]:
    """What a process is told so that it has these settings."""
    return {
        **uncounted(os.environ),
        "JWT_SECRET_KEY": settings.accepted_secrets[0],
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "PUBLIC_URL": str(settings.public_url),
        "LOG_LEVEL": "WARNING",
        "NOTIFICATIONS_DATABASE_URL": settings.database_url.get_secret_value(),
        **{settings.variable(field): str(getattr(settings, field)) for field in FIELDS},
    }


@contextmanager
def running_worker(settings: NotificationsSettings) -> Iterator[subprocess.Popen[bytes]]:
    """`doorward work notifications` with these settings, from when it works to the end of the ``with``."""
    with working(Worker.of("notifications", environment_of(settings))) as (process,):
        yield process
