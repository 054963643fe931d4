"""Which port each process listens on: as set, as remembered, or the next that is free."""

import errno
import socket
import time
from collections.abc import Mapping
from zlib import crc32

from deploy.local.errors import PortInUse
from deploy.local.folder import DataFolder

HOST = "127.0.0.1"
FILE = "ports.json"
# Nobody but our own processes talks to these, so nobody needs to know their ports beforehand. They lie
# below those that systems hand out to clients, and far apart for different folders, so that two
# runners which start in the same moment do not choose the same.
POSTGRES, VALKEY = "postgres", "valkey"
FIRST_CHOICES = {POSTGRES: 15432, VALKEY: 21379}
SPREAD = 5000
LEFTOVER_SECONDS = 20.0


def choose(folder: DataFolder, wanted: Mapping[str, int]) -> dict[str, int]:
    """A port for each variable of ``wanted`` (0: any), and for both servers. Raises PortInUse."""
    remembered: dict[str, int] = folder.read(FILE) or {}
    chosen = {name: port for name, port in wanted.items() if port}
    _refuse_doubles(chosen)
    _await_free(chosen, seconds=LEFTOVER_SECONDS if folder.was_left_in_disorder else 0)
    open_choices = [name for name, port in wanted.items() if not port] + [POSTGRES, VALKEY]
    for name in open_choices:
        first = remembered.get(name) or _first_choice(name, folder)
        chosen[name] = _free_port(first, taken=set(chosen.values()))
    picks = {name: chosen[name] for name in open_choices}
    if picks != remembered:
        folder.write(FILE, {**remembered, **picks})
    return chosen


def is_free(port: int) -> bool:
    """Whether nobody listens on the port of the loopback."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise PortInUse(f"Port {port} is only for root; set another one, 1024 or higher.") from error
            return False
        return True


def _first_choice(name: str, folder: DataFolder) -> int:
    """Where to begin to look; 0 where any will do."""
    if name not in FIRST_CHOICES:
        return 0
    return FIRST_CHOICES[name] + crc32(bytes(folder.path)) % SPREAD


def _refuse_doubles(chosen: Mapping[str, int]) -> None:
    names: dict[int, str] = {}
    for name, port in chosen.items():
        if port in names:
            raise PortInUse(f"{names[port]} and {name} are both {port}; give each its own port.")
        names[port] = name


def _await_free(chosen: Mapping[str, int], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while busy := {name: port for name, port in chosen.items() if not is_free(port)}:
        if time.monotonic() >= deadline:
            wanted = ", ".join(f"{port} ({name})" for name, port in busy.items())
            what = f"Port {wanted} is" if len(busy) == 1 else f"Ports {wanted} are"
            others = "another" if len(busy) == 1 else "others"
            raise PortInUse(
                f"{what} in use by another program; stop it, or choose {others}: "
                f"{_remedy(busy, chosen)} make up"
            )
        time.sleep(0.1)


def _remedy(busy: Mapping[str, int], chosen: Mapping[str, int]) -> str:
    """``NAME=port`` for each that is busy, with ports that are free now."""
    taken = set(chosen.values())
    settings = []
    for name, port in busy.items():
        free = _free_port(port + 100 if port + 300 < 65_536 else 0, taken=taken)
        taken.add(free)
        settings.append(f"{name}={free}")
    return " ".join(settings)


def _free_port(first: int, *, taken: set[int]) -> int:
    for port in range(first, first + 200) if first else ():
        if port not in taken and is_free(port):
            return port
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
