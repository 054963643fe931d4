"""What a process of the runner is before it runs: its command, its identity, when it is ready."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

GUARD = Path(__file__).with_name("guard.py")

# Called with the process id; answers whether that process does its work.
Probe = Callable[[int], Awaitable[bool]]


async def at_once(_pid: int) -> bool:
    """The probe of a process that is ready as soon as it runs."""
    return True


class Identity(NamedTuple):
    """A user to become. ``needs_reach``: the files lie where that user may not pass."""

    user: int
    group: int
    needs_reach: bool = False


@dataclass(frozen=True)
class Program:
    """One process by name. ``stop_signal`` ends it in order; it also gets that when the runner dies."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_ready: Probe = at_once
    stop_signal: signal.Signals = signal.SIGTERM
    reload_signal: signal.Signals | None = None  # has it read its files again
    identity: Identity | None = None
    folder: Path | None = None
    noise: str = ""  # lines that match it are not worth showing

    def guarded_command(self) -> list[str]:
        """The command behind the guard, which ties its life to this process's."""
        user, group, reach = "-", "-", "no"
        if self.identity is not None:
            user, group = str(self.identity.user), str(self.identity.group)
            reach = "yes" if self.identity.needs_reach else "no"
        guard = [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(int(self.stop_signal))]
        return [*guard, user, group, reach, *self.command]
