"""The processes of a `doorward up` that runs on this machine, as a command beside it sees them."""

import json
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from deploy.local.folder import LOCK, STATE
from deploy.local.settings import LocalSettings


class Running(NamedTuple):
    """A process and its age, as ``ps`` writes it: ``[[days-]hours:]minutes:seconds``."""

    pid: int
    age: str


def processes() -> dict[str, Running]:
    """The runner and every process that it keeps, by name; nothing where none runs."""
    folder = LocalSettings.load().data_dir
    with suppress(FileNotFoundError, PermissionError, ValueError):
        state = json.loads((folder / STATE).read_text())
        pids = {"doorward up": int((folder / LOCK).read_text()), **state["processes"]}
        ages = _ages(pids.values())
        return {name: Running(pid, ages[pid]) for name, pid in pids.items() if pid in ages}
    return {}


def _ages(pids: Iterable[int]) -> dict[int, str]:
    """How long each of them has been running; those that are gone are left out."""
    command = ["ps", "-o", "pid=,etime=", "-p", ",".join(map(str, pids))]
    try:
        printed = subprocess.run(command, check=False, capture_output=True, text=True).stdout  # noqa: S603
    except FileNotFoundError:  # a machine without ps
        return dict.fromkeys(pids, "-")
    return {int(pid): age for pid, age in (line.split() for line in printed.splitlines())}
