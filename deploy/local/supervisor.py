"""Keeps programs running: ready before the next stage starts, again after a death, ended in order."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from deploy.local import last_words
from deploy.local.console import Console
from deploy.local.errors import StartFailed
from deploy.local.process import Process
from deploy.local.program import Program

PROBE_SECONDS = 0.05


@dataclass(frozen=True)
class Patience:
    """How long the supervisor waits for what, in seconds."""

    start: float = 60.0
    stop: float = 15.0
    first_pause: float = 0.5
    longest_pause: float = 30.0
    calm: float = 30.0

    def pause(self, deaths: int) -> float:
        """The pause before the next start after that many deaths in a row."""
        return float(min(self.longest_pause, self.first_pause * 2 ** (deaths - 1)))


class Keeper:
    """Keeps one program running until it is told to stop."""

    def __init__(
        self, program: Program, console: Console, patience: Patience, on_change: Callable[[], None]
    ) -> None:
        self.program = program
        self.process: Process | None = None
        self._console = console
        self._patience = patience
        self._on_change = on_change
        self._is_stopping = False
        self._is_renewing = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it; return when it is ready, and keep it from then on. Raises StartFailed."""
        self.process = await self._spawn()
        deadline = time.monotonic() + self._patience.start
        while not await self._is_ready(self.process):
            if not self.process.is_running:
                raise failure(self.process, await self.process.wait(), " while it was starting")
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"{self.program.name} was not ready within {self._patience.start:g} seconds."
                )
            await asyncio.sleep(PROBE_SECONDS)
        self._task = asyncio.create_task(self._keep(self.process))

    async def stop(self) -> None:
        """End it in order, whatever it is doing."""
        self._is_stopping = True
        process = self.process
        if process is not None and process.is_running:
            if not await process.stop(grace_seconds=self._patience.stop):
                self._console.say(f"{self.program.name} did not stop in time and was killed")
            await process.wait()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def renew(self, program: Program) -> None:
        """Go on with another environment; with the same one, have the process reload if it can."""
        process = self.process
        if process is None or not process.is_running:
            self.program = program
        elif program.environment == self.program.environment:
            process.signal(program.reload_signal)
        else:
            self.program = program
            self._is_renewing = True
            self._console.say(f"{program.name} has new settings and is started again")
            await process.stop(grace_seconds=self._patience.stop)
            await self._wait_until_back(process)

    async def _wait_until_back(self, former: Process) -> None:
        deadline = time.monotonic() + self._patience.start
        while time.monotonic() < deadline:
            process = self.process
            if process is not None and process is not former and await self._is_ready(process):
                return
            await asyncio.sleep(PROBE_SECONDS)

    async def _spawn(self) -> Process:
        process = await Process.start(self.program, self._console)
        self.process = process
        self._on_change()
        return process

    async def _is_ready(self, process: Process) -> bool:
        return process.is_running and await self.program.is_ready(process.pid)

    async def _keep(self, process: Process) -> None:
        deaths = 0
        while True:
            started_at = time.monotonic()
            code = await process.wait()
            if self._is_stopping:
                return
            if self._is_renewing:
                self._is_renewing = False
            else:
                deaths = 1 if time.monotonic() - started_at > self._patience.calm else deaths + 1
                pause = self._patience.pause(deaths)
                self._console.say(
                    f"{self.program.name} {described(code)}; it is started again in {pause:g} s"
                )
                await asyncio.sleep(pause)
            process = await self._spawn()
            await self._tell_when_ready(process)

    async def _tell_when_ready(self, process: Process) -> None:
        deadline = time.monotonic() + self._patience.start
        while process.is_running and time.monotonic() < deadline:
            if await self._is_ready(process):
                self._console.say(f"{self.program.name} is back")
                return
            await asyncio.sleep(PROBE_SECONDS)


class Supervisor:
    """All keepers, by stages: a stage starts at once, and stages stop in the opposite order."""

    def __init__(
        self,
        console: Console,
        *,
        patience: Patience | None = None,
        on_change: Callable[[dict[str, int]], None] = lambda _processes: None,
    ) -> None:
        self._console = console
        self._patience = patience or Patience()
        self._on_change = on_change
        self._stages: list[list[Keeper]] = []

    @property
    def processes(self) -> dict[str, int]:
        """The running processes: their ids by name."""
        keepers = [keeper for stage in self._stages for keeper in stage]
        return {
            keeper.program.name: keeper.process.pid
            for keeper in keepers
            if keeper.process is not None and keeper.process.is_running
        }

    async def start(self, programs: Sequence[Program]) -> None:
        """Start the next stage and return when all of it is ready; raises StartFailed."""
        stage = [
            Keeper(program, self._console, self._patience, lambda: self._on_change(self.processes))
            for program in programs
        ]
        self._stages.append(stage)
        await all_of(*(keeper.start() for keeper in stage))

    async def renew(self, programs: Iterable[Program]) -> None:
        """Go on with these programs in the place of those of the same name, one after the other."""
        keepers = {keeper.program.name: keeper for stage in self._stages for keeper in stage}
        for program in programs:
            await keepers[program.name].renew(program)

    async def run(self, program: Program) -> None:
        """Run a program to its end; raises StartFailed where that is not a good one."""
        process = await Process.start(program, self._console)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            raise
        if code != 0:
            raise failure(process, code)

    async def stop(self) -> None:
        """End every stage, the last one first; each stage at once."""
        while self._stages:
            stage = self._stages[-1]
            await asyncio.gather(*(keeper.stop() for keeper in stage))
            self._stages.pop()

    def kill(self) -> None:
        """End everything now, for somebody who does not want to wait."""
        for keeper in (keeper for stage in self._stages for keeper in stage):
            if keeper.process is not None:
                keeper.process.kill()


async def all_of(*parts: Coroutine[Any, Any, Any]) -> None:
    """Run the parts at once; raises what the first failing one raised, the others are cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def failure(process: Process, code: int, moment: str = "") -> StartFailed:
    """The error that says how a process ended and what it said last."""
    sentence = f"{process.program.name} {described(code)}{moment}: {last_words.of(process.last_lines)}"
    return StartFailed(sentence, process.last_lines)


def described(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return "ended by itself" if code == 0 else f"failed with exit code {code}"
