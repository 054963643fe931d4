"""One life of a program: started in a session of its own, its lines passed on, ended in order."""

import asyncio
import os
import re
import signal
from collections import deque
from contextlib import suppress

from deploy.local.console import Console
from deploy.local.program import Program

LONGEST_LINE = 1024 * 1024
KEPT_LINES = 5


class Process:
    """A running program. Start it with ``Process.start``, from the thread that lives longest."""

    def __init__(self, program: Program, child: asyncio.subprocess.Process, console: Console) -> None:
        self.program = program
        self.pid = child.pid
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._child = child
        self._console = console
        self._reading = asyncio.create_task(self._pass_lines_on())

    @classmethod
    async def start(cls, program: Program, console: Console) -> "Process":
        """Start the program. A session of its own keeps the terminal's Ctrl-C from it: we stop in order."""
        child = await asyncio.create_subprocess_exec(
            *program.guarded_command(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(program.environment),
            cwd=program.folder,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        return cls(program, child, console)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.returncode is None

    async def wait(self) -> int:
        """The exit code, or the negative signal, after its last line was passed on."""
        code = await self._child.wait()
        # What it has left behind (a server's workers) would hold the pipe and the port.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reading, 2)
        return code

    async def stop(self, *, grace_seconds: float) -> bool:
        """End it: by its own signal, and by force after the grace. Whether it went by itself."""
        self._signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(asyncio.shield(self._child.wait()), grace_seconds)
        except TimeoutError:
            self.kill()
            await self._child.wait()
            return False
        return True

    def kill(self) -> None:
        """End it and all that it started, now."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._child.send_signal(number)

    async def _pass_lines_on(self) -> None:
        stream, noise = self._child.stdout, self.program.noise
        while stream is not None:
            try:
                line = await stream.readline()
            except ValueError:  # a line that is longer than the limit: its beginning is gone
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            if not text or (noise and re.search(noise, text)):
                continue
            self.last_lines.append(text)
            self._console.line(self.program.name, text)
