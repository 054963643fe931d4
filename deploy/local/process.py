"""One life of a program: started in a session of its own, its lines passed on, ended in order."""

import asyncio
import os
import re
import signal
from collections import deque
from contextlib import suppress

from deploy.local.console import Console
from deploy.local.program import Program

LONGEST_LINE = 64 * 1024
KEPT_LINES = 200  # the reason of a failure stands before what a server says of its end
LAST_WORDS_SECONDS = 2.0


class Process:
    """A running program. Start it with ``Process.start``, from the thread that lives longest."""

    def __init__(self, program: Program, transport: asyncio.SubprocessTransport, protocol: "_Output") -> None:
        self.program = program
        self.pid = transport.get_pid()
        self._transport = transport
        self._protocol = protocol

    @classmethod
    async def start(cls, program: Program, console: Console) -> "Process":
        """Start the program. A session of its own keeps the terminal's Ctrl-C from it: we stop in order."""
        transport, protocol = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Output(program, console),
            *program.guarded_command(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(program.environment),
            cwd=program.folder,
            start_new_session=True,
        )
        return cls(program, transport, protocol)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._protocol.exited.is_set()

    @property
    def last_lines(self) -> list[str]:
        """The last things that it said."""
        return list(self._protocol.last_lines)

    async def wait(self) -> int:
        """The exit code, or the negative signal, after its last line was passed on."""
        await self._protocol.exited.wait()
        # What it has left behind (a server's workers) would hold the pipe and the port.
        self.kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._protocol.silent.wait(), LAST_WORDS_SECONDS)
        self._transport.close()
        code = self._transport.get_returncode()
        return 0 if code is None else code

    def signal(self, number: signal.Signals | None) -> None:
        """Send it the signal, where there is one and it still runs."""
        if number is not None:
            with suppress(ProcessLookupError):
                self._transport.send_signal(number)

    async def stop(self, *, grace_seconds: float) -> bool:
        """End it: by its own signal, and by force after the grace. Whether it went by itself."""
        self.signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self._protocol.exited.wait(), grace_seconds)
        except TimeoutError:
            self.kill()
            await self._protocol.exited.wait()
            return False
        return True

    def kill(self) -> None:
        """End it and all that it started, now."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


class _Output(asyncio.SubprocessProtocol):
    """Passes a process's lines on, and notes its end, which may come before that of its output."""

    def __init__(self, program: Program, console: Console) -> None:
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._program = program
        self._console = console
        self._rest = b""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Pass on every line that is whole, and what is too long to wait for its end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._pass_on(line.decode(errors="replace").rstrip())

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Pass on the line that has no end."""
        self._pass_on(self._rest.decode(errors="replace").rstrip())
        self.silent.set()

    def process_exited(self) -> None:
        """Note the end."""
        self.exited.set()

    def _pass_on(self, text: str) -> None:
        noise = self._program.noise
        if not text or (noise and re.search(noise, text)):
            return
        self.last_lines.append(text)
        self._console.line(self._program.name, text)
