"""The access line: one JSON object for each forwarded request, with the gateway's own share of the time.

Written in batches and without the general road of the log, which costs ten times as much. Only values from
here and from the route table are in it; the path without its query, and without segments that may be secrets.
"""

import asyncio
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson

from shared.chassis.logs import mask_path

FLUSH_SECONDS = 0.2
LARGEST_BATCH = 256
LONGEST_PATH = 512


class AccessLog:
    """Collects the lines of one worker and writes them a few times a second."""

    def __init__(self, *, is_enabled: bool) -> None:
        self.is_enabled = is_enabled
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, fields: dict[str, Any], *, path: str) -> None:
        """Add a line; it is out within a fraction of a second."""
        line = {
            "event": "request",
            "level": "info",
            "time": _now(),
            "process": "gateway",
            "path": mask_path(path[:LONGEST_PATH]),
            **fields,
        }
        self._lines.append(orjson.dumps(line))
        if len(self._lines) >= LARGEST_BATCH:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    async def stop(self) -> None:
        """Write what came last."""
        self.flush()

    def flush(self) -> None:
        """Write what is there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            batch = b"\n".join(self._lines) + b"\n"
            self._lines.clear()
            with suppress(OSError, ValueError):  # nobody reads any more: no reason to fail requests
                sys.stderr.write(batch.decode())
                sys.stderr.flush()


_cached_second = (0, "")


def _now() -> str:
    """RFC 3339 in UTC; the date part is made once a second."""
    global _cached_second  # noqa: PLW0603  (a cache of one entry, on the hottest path)
    now = time.time()
    second = int(now)
    if second != _cached_second[0]:
        _cached_second = (second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    return f"{_cached_second[1]}.{int((now - second) * 1_000_000):06d}Z"
