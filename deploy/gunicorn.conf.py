# ruff: noqa: N999  (gunicorn's own name for such a file)
"""gunicorn as every process runs it; addresses, workers and threads come from ``doorward serve``."""

import gc
import os
from typing import Any

from deploy import metrics_folder
from deploy.gunicorn_logging import JsonLogger
from shared.chassis import open_files

metrics_folder.announce()

open_files.allow_many()
logger_class = JsonLogger
accesslog = "-"  # asked for; JsonLogger writes the lines
# The control socket lies in the home directory, where two servers take it from each other.
control_socket_disable = True
# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

# Longer than any client's pool keeps a connection: the client closes first, and no request is sent
# into a connection that is just being closed.
keepalive = 75
graceful_timeout = 30
# A worker that does not answer its master for so long is replaced; requests have their own limits.
timeout = 60

# A service's connections, nearly all of them waiting in the gateway's pools; more are refused by a 503.
worker_connections = 4096

# X_User and X-User are the same key in WSGI: the ambiguous spelling is dropped, so that nobody
# smuggles a header past a proxy. No header sets SCRIPT_NAME or PATH_INFO, no peer the URL scheme:
# whom to believe is the application's decision (ProxyFix).
header_map = "drop"
forwarder_headers = ""
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}


def post_fork(_server: Any, _worker: Any) -> None:
    """Import the application without the collector, for which ``deploy.importing`` has the reason."""
    gc.disable()


def post_worker_init(_worker: Any) -> None:
    """The application is loaded."""
    gc.enable()


def child_exit(_server: Any, worker: Any) -> None:
    """Forget the gauges of a worker that is gone; its counters stay counted."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid, str(metrics_folder.path()))  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """Leave no counts behind."""
    metrics_folder.remove()
