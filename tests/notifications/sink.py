"""A mail server that counts: every mail whose final dot it reads is a line in a file, however often it comes.

`python -m tests.notifications.sink PORT FILE` is a process of its own, so that a test can freeze and kill
it. It knows no mail a second time, judges nothing and is fast: what it cannot do, `deploy/mailbox` can.
"""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared.chassis.testing.engines import free_port, wait_until

HOST = "127.0.0.1"
END_OF_MAIL = b"\r\n.\r\n"


@dataclass
class Sink:
    """A sink process, and what it has counted."""

    port: int
    file: Path
    process: subprocess.Popen[bytes]

    def recipients(self) -> Counter[str]:
        """How many mails came for each address."""
        return Counter(self.file.read_text().split())

    def pause(self) -> None:
        """Freeze it: connections stay open, and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def unpause(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it; what it has counted stays."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it again on its port."""
        self.process = _start(self.port, self.file)


@contextmanager
def running_sink(folder: Path) -> Iterator[Sink]:
    """A sink that counts into a file of ``folder``."""
    port, file = free_port(), folder / "mails"
    file.touch()
    sink = Sink(port, file, _start(port, file))
    try:
        yield sink
    finally:
        sink.unpause()
        sink.stop()


def _start(port: int, file: Path) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "tests.notifications.sink", str(port), str(file)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as output:
        wait_until(lambda: output.readline() == b"ready\n", what="the sink")
    return process


async def _serve(port: int, file: Path) -> None:
    with file.open("ab", buffering=0) as output:
        server = await asyncio.start_server(lambda reader, writer: _meet(reader, writer, output), HOST, port)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async with server:
            await server.serve_forever()


async def _meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, output: BinaryIO) -> None:
    recipient = b""
    writer.write(b"220 sink\r\n")
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            line = await reader.readuntil(b"\r\n")
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0]
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(END_OF_MAIL)
                output.write(recipient + b"\n")
            writer.write(b"250 sink\r\n" if verb != b"QUIT" else b"221 bye\r\n")
            if verb == b"QUIT":
                break
    writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
