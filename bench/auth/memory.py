"""How much memory a server takes: all processes of its group, what they share counted once."""

from collections.abc import Iterator
from pathlib import Path

_PGRP = 2  # the field of /proc/<pid>/stat after the name: state, parent, group


def of_group(group: int) -> float:
    """The proportional set size of the processes of ``group`` together, in MiB."""
    return sum(_pss_kib(process) for process in _members(group)) / 1024


def _members(group: int) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[_PGRP]) == group:
            yield process


def _pss_kib(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
