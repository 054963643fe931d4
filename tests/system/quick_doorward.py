"""The command `doorward` without its start: a process that has imported it forks for each call.

Pages name it a dozen times, and each start of Python with all of auth takes three seconds of a core. What
runs is `deploy.cli.main` in a process of its own, with the caller's arguments, environment, folder and
streams.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from deploy import cli
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import bare_environment
from tests.system.backend import ROOT

CALL_BYTES = 65536
# The program that pages call, without what site and encodings of Python cost.
CLIENT = """#!{python} -SE
import json, os, socket, sys
call = {{"words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
socket.send_fds(server, [json.dumps(call).encode()], [0, 1, 2])
sys.exit(int(server.recv(16) or b"1"))
"""


def client(address: Path) -> str:
    """The text of the program `doorward` that asks the process at ``address``."""
    return CLIENT.format(python=sys.executable, address=str(address))


@contextmanager
def answering(address: Path) -> Iterator[None]:
    """Have a process take calls at ``address`` to the end of the ``with``."""
    command = [sys.executable, "-m", "tests.system.quick_doorward", str(address)]
    process = subprocess.Popen(command, cwd=ROOT, env=bare_environment(), stdin=subprocess.DEVNULL)
    try:
        wait_until(address.exists, what="a process that takes calls of doorward", seconds=120)
        yield
    finally:
        process.terminate()
        process.wait()


def serve(address: str) -> None:
    """Take calls one after the other; each is a fork."""
    for entry in cli.COMMANDS.values():
        if entry.needs_environment:
            import_module(entry.address.partition(":")[0])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{address}.new")
        listener.listen()
        Path(f"{address}.new").rename(address)  # who sees it can call
        while True:
            call, _ = listener.accept()
            with call:
                _answer(call)


def _answer(call: socket.socket) -> None:
    text, streams, _flags, _sender = socket.recv_fds(call, CALL_BYTES, 3)
    child = os.fork()
    if child == 0:
        _become(json.loads(text), streams)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    call.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(call: dict[str, Any], streams: list[int]) -> None:
    """Run the command in this fork, and end it."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.argv = ["doorward", *call["words"]]
    status = 0
    try:
        cli.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
