"""SIGTERM while gunicorn starts a worker: held back until the worker's loop runs and can hear it.

Until then a worker loses the only SIGTERM that the master sends it, and the master would wait for the whole
grace period.
"""

import os
import signal


def hold() -> None:
    """Keep SIGTERM pending in this process, and in the one that it forks next."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def release() -> None:
    """Take SIGTERM again, the one that is pending at once."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


os.register_at_fork(after_in_parent=release)
