"""A mail server that counts: every mail whose final dot it reads is a line in a file, however often it comes.

`python -m tests.notifications.sink PORT FILE` is a process of its own, so that a test can freeze and kill
it. It knows no mail a second time, judges nothing but eight bits (RFC 6152) and is fast: what it cannot do,
`deploy/mailbox` can.
With `starttls CERTIFICATE` or `tls CERTIFICATE` behind that it takes mail over TLS alone, from one account;
with `tls CERTIFICATE client` from whoever shows a certificate that it believes.
"""

import asyncio
import base64
import os
import signal
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import uncounted

HOST = "127.0.0.1"
WITHOUT_PIPELINING = "SINK_WITHOUT_PIPELINING"
WITH_EIGHT_BITS = "SINK_WITH_EIGHT_BITS"
ANSWER_AFTER = "SINK_ANSWER_AFTER"
DELAY_SECONDS = float(os.environ.get(ANSWER_AFTER, "0"))
END_OF_MAIL = b"\r\n.\r\n"
USERNAME, PASSWORD, INTERNATIONAL_PASSWORD = "ada", "open sesame", "Sesam, öffne dich"
TOKEN = "a token"
BEARER = base64.b64encode(f"user={USERNAME}\x01auth=Bearer {TOKEN}\x01\x01".encode())
CREDENTIALS = {
    base64.b64encode(f"\0{USERNAME}\0{password}".encode()) for password in (PASSWORD, INTERNATIONAL_PASSWORD)
}


@dataclass
class Sink:
    """A sink process, and what it has counted."""

    port: int
    file: Path
    process: subprocess.Popen[bytes]
    protection: tuple[str, ...] = ()
    _is_frozen: bool = False
    _counted: int = 0  # lines of the file
    _counted_bytes: int = 0

    def recipients(self) -> Counter[str]:
        """How many mails came for each address."""
        return Counter(self.file.read_text().split())

    def count(self) -> int:
        """How many mails came. It reads only what is new: whoever asks often takes no time from a worker."""
        with self.file.open("rb") as file:
            file.seek(self._counted_bytes)
            come = file.read()
        self._counted += come.count(b"\n")
        self._counted_bytes += len(come)
        return self._counted

    def last_at(self) -> float:
        """When the last mail came, in seconds since 1970."""
        return self.file.stat().st_mtime

    def pause(self) -> None:
        """Freeze it: connections stay open, and nothing answers."""
        self._is_frozen = True
        self.process.send_signal(signal.SIGSTOP)

    def unpause(self) -> None:
        """Let it go on."""
        self._is_frozen = False
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it; what it has counted stays."""
        self.process.kill()
        self.process.wait()

    def start(self, **environment: str) -> None:
        """Start it again on its port."""
        self.process = _start(self.port, self.file, self.protection, **environment)

    def clear(self) -> None:
        """Have counted nothing, and answer: for the next test. One that is frozen would count what it has not
        read.
        """
        if self._is_frozen:
            self.unpause()
            self.stop()
        if self.process.poll() is not None:
            self.start()
        os.truncate(self.file, 0)
        self._counted = self._counted_bytes = 0

    @contextmanager
    def offering(
        self, *, pipelining: bool = True, eight_bits: bool = False, after_seconds: float = 0
    ) -> Iterator[None]:
        """With or without PIPELINING and 8BITMIME, or as if it were far away, while the ``with`` lasts."""
        self.stop()
        environment = {} if pipelining else {WITHOUT_PIPELINING: "1"}
        if eight_bits:
            environment[WITH_EIGHT_BITS] = "1"
        self.start(**environment, **{ANSWER_AFTER: str(after_seconds)})
        try:
            yield
        finally:
            self.stop()
            self.start()


@contextmanager
def running_sink(folder: Path, *protection: str) -> Iterator[Sink]:
    """A sink that counts into a file of ``folder``; ``protection``: none, or security and certificate."""
    port, file = free_port(), folder / "mails"
    file.touch()
    sink = Sink(port, file, _start(port, file, protection), protection)
    try:
        yield sink
    finally:
        sink.unpause()
        sink.stop()


def _start(port: int, file: Path, protection: tuple[str, ...], **environment: str) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "tests.notifications.sink", str(port), str(file), *protection]
    environment = {**uncounted(os.environ), **environment}
    process = subprocess.Popen(program, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    with process.stdout as output:
        wait_until(lambda: output.readline() == b"ready\n", what="the sink")
    return process


@dataclass
class Conversation:
    """One client's."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    output: BinaryIO
    starttls: ssl.SSLContext | None
    is_trusted: bool
    recipient: bytes = b""
    has_eight_bits: bool = False
    answers: list[bytes] = field(default_factory=list)

    def say(self, answer: bytes) -> None:
        """Answer, as late as a server that is so far away; commands that came together get one packet, as
        RFC 2920 section 3.2 recommends.
        """
        self.answers.append(answer)
        if len(self.answers) == 1:
            asyncio.get_running_loop().call_later(DELAY_SECONDS, self.send)

    def send(self) -> None:
        """Give the client the answers that it has not had."""
        self.writer.write(b"".join(self.answers))
        self.answers.clear()

    async def run(self) -> None:
        """Answer until the client leaves."""
        self.say(b"220 sink\r\n")
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                line = await self.reader.readuntil(b"\r\n")
                verb = line[:4].upper()
                if verb == b"QUIT":
                    self.say(b"221 bye\r\n")
                    break
                await self.answer(verb, line)
        await asyncio.sleep(2 * DELAY_SECONDS)
        self.send()
        self.writer.close()

    async def answer(self, verb: bytes, line: bytes) -> None:
        """What the client asked for, and what it is told."""
        if verb == b"EHLO":
            pipelining = b"" if WITHOUT_PIPELINING in os.environ else b"250-PIPELINING\r\n"
            eight_bits = b"250-8BITMIME\r\n" if WITH_EIGHT_BITS in os.environ else b""
            offered = pipelining + eight_bits + b"250-STARTTLS\r\n250 AUTH PLAIN XOAUTH2\r\n"
            self.say(b"250-sink\r\n" + offered)
        elif verb == b"STAR" and self.starttls is not None:
            self.say(b"220 go on\r\n")
            await asyncio.sleep(2 * DELAY_SECONDS)  # or else it would go out encrypted
            self.send()
            await self.writer.start_tls(self.starttls)
        elif verb == b"AUTH":
            await self.trust(*line.split()[1:])
        elif not self.is_trusted:
            self.say(b"530 sign in\r\n")
        elif verb == b"DATA":
            await self.take()
        else:
            if verb == b"MAIL":
                self.has_eight_bits = WITH_EIGHT_BITS in os.environ and b"BODY=8BITMIME" in line.upper()
            if verb == b"RCPT":
                self.recipient = line.partition(b"<")[2].partition(b">")[0]
            self.say(b"250 sink\r\n")

    async def trust(self, mechanism: bytes, response: bytes) -> None:
        """Sign the client in, over TLS alone."""
        wanted = {BEARER} if mechanism == b"XOAUTH2" else CREDENTIALS
        self.is_trusted = response in wanted and self.writer.get_extra_info("ssl_object") is not None
        if mechanism == b"XOAUTH2" and not self.is_trusted:
            self.say(b"334 " + base64.b64encode(b'{"status": "401"}') + b"\r\n")
            await self.reader.readuntil(b"\r\n")
        self.say(b"235 welcome\r\n" if self.is_trusted else b"535 no\r\n")

    async def take(self) -> None:
        """Count the mail as soon as its final dot is read; one that 8BITMIME was not said of has 7 bits."""
        self.say(b"354 go on\r\n")
        content = await self.reader.readuntil(END_OF_MAIL)
        if not content.isascii() and not self.has_eight_bits:
            self.say(b"554 5.6.1 eight bits\r\n")
            return
        self.output.write(self.recipient + b"\n")
        self.say(b"250 sink\r\n")


async def _serve(
    port: int, file: Path, security: str = "none", certificate: str = "", who: str = "account"
) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    if context is not None and who == "client":
        context.load_verify_locations(certificate)
        context.verify_mode = ssl.CERT_REQUIRED

    with file.open("ab", buffering=0) as output:

        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            starttls = context if security == "starttls" else None
            is_trusted = security == "none" or who == "client"
            await Conversation(reader, writer, output, starttls, is_trusted).run()

        server = await asyncio.start_server(meet, HOST, port, ssl=context if security == "tls" else None)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
