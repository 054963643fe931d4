"""The gateway's worker: that of ``shared.serving``, with the route table read by the master.

Set by ``--worker-class gateway.server.GatewayWorker``.
"""

import gc
from typing import Any

from gateway import route_source
from shared.serving.worker import AsgiWorker

# Objects that survive their request are few, so the collector may look for cycles more rarely.
GC_THRESHOLDS = (20_000, 50, 100)


class GatewayWorker(AsgiWorker):
    """A worker process of the gateway."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Runs in the master, before the fork."""
        super().__init__(*args, **options)
        route_source.refresh(self.cfg)

    def load_wsgi(self) -> None:
        """Load the application, and keep what belongs to it out of the collector's way."""
        super().load_wsgi()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
