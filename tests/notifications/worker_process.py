"""A real worker of notifications as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from services.notifications.settings import NotificationsSettings

FIELDS = (
    "smtp_host",
    "smtp_port",
    "smtp_security",
    "smtp_timeout_seconds",
    "smtp_final_timeout_seconds",
    "mail_from",
    "attempt_lease_seconds",
    "retry_seconds",
    "stuck_seconds",
    "worker_concurrency",
    "worker_metrics_port",
)


def start_worker(settings: NotificationsSettings, **variables: str) -> subprocess.Popen[bytes]:
    """`doorward work notifications` with these settings, those that a test states otherwise aside."""
    environment = {
        **os.environ,
        "JWT_SECRET_KEY": settings.accepted_secrets[0],
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "PUBLIC_URL": str(settings.public_url),
        "LOG_LEVEL": "WARNING",
        "NOTIFICATIONS_DATABASE_URL": settings.database_url.get_secret_value(),
        **{settings.variable(field): str(getattr(settings, field)) for field in FIELDS},
        **variables,
    }
    return subprocess.Popen([sys.executable, "-m", "deploy", "work", "notifications"], env=environment)


@contextmanager
def running_worker(settings: NotificationsSettings, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that is killed at the end, unless it has died before."""
    process = start_worker(settings, **variables)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
