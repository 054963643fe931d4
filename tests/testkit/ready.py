"""How long the kit takes until it is ready: ``make time-kit``.

That is ``python -m tests.testkit.ready [COMMAND] [TIMES]`` with `testkit` on the path.

COMMAND is the `doorward` of an environment, by default of the one that runs this. Each line has the time by
the clock, which other programs of the machine prolong, and the time of processors from start to stop.
"""

import resource
import sys
import time
from pathlib import Path

from doorward_testkit.local import LocalBackend


def main() -> None:
    """Start and stop it some times; the first may have to make the databases that the others copy."""
    command = sys.argv[1] if len(sys.argv) > 1 else str(Path(sys.executable).with_name("doorward"))
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3):
        began, used = time.monotonic(), _processor_seconds()
        backend = LocalBackend(command, {})
        ready = time.monotonic()
        backend.close()
        _say(
            f"ready after {ready - began:.1f} s, stopped {time.monotonic() - ready:.1f} s after that; "
            f"processors: {_processor_seconds() - used:.1f} s"
        )


def _processor_seconds() -> float:
    """Of all processes that have ended, of whatever depth."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
