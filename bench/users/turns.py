"""Turns of a load on a server, with the processor time that the server's own processes took for an answer.

That time says what an answer costs even where clients and others share the cores.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.auth.load import Load

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """A load, and the process group of the server that it goes to."""

    load: Load
    group: int
    _costs: list[float] = field(default_factory=list)

    def run(self, seconds: float, *, is_counted: bool = True) -> None:
        """One turn."""
        before = _processor_seconds(self.group)
        self.load.run(seconds, is_counted=is_counted)
        if is_counted:
            answers = max(1.0, self.load.rates[-1] * seconds)
            self._costs.append((_processor_seconds(self.group) - before) / answers)

    @property
    def cost_ms(self) -> float:
        """Processor time of an answer: the median of the turns."""
        return median(self._costs) * 1000


def _processor_seconds(group: int) -> float:
    """What the group's processes have used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS
