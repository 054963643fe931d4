"""Where the workers of one gunicorn keep their counts, so that /metrics can add them up.

One folder for the life of the master: a reload (SIGHUP) runs gunicorn's configuration file again, and the
counts go on.
"""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@cache
def path() -> Path:
    """The folder, made when it is first asked for."""
    return Path(tempfile.mkdtemp(prefix="doorward-metrics-"))


def announce() -> None:
    """Name the folder to prometheus_client, which looks when it is imported: call this before."""
    os.environ[_VARIABLE] = str(path())


def remove() -> None:
    """Leave no counts behind, and name the folder to nobody any more."""
    shutil.rmtree(path(), ignore_errors=True)
    path.cache_clear()
    os.environ.pop(_VARIABLE, None)
