"""Which port each process listens on: as set, as remembered, or the next that is free."""

import errno
import socket
import time
from collections.abc import Mapping
from itertools import chain
from zlib import crc32

from deploy.local.errors import PortInUse
from deploy.local.folder import DataFolder

HOST = "127.0.0.1"
FILE = "ports.json"
# A port that nobody has set is one that nobody needs to know beforehand. It lies below those that systems
# hand out to clients (a connection that begins before the process listens would take it), and far away
# from the choice of another folder, so that two runners which start in the same moment do not meet.
POSTGRES, VALKEY = "postgres", "valkey"
FIRST_CHOICES = {POSTGRES: 15432, VALKEY: 21379}
FIRST_OF_OTHERS = 10_000
SPREAD = 5000
UNPRIVILEGED, LAST = 1024, 65_535
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
        chosen[name] = _next_free(first, taken=set(chosen.values()))
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
    """Where to begin to look: for a server by the folder, for a setting by its name as well."""
    if name in FIRST_CHOICES:
        return FIRST_CHOICES[name] + crc32(bytes(folder.path)) % SPREAD
    return FIRST_OF_OTHERS + crc32(bytes(folder.path / name)) % SPREAD


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
        free = _next_free(port + 100, taken=taken)
        taken.add(free)
        settings.append(f"{name}={free}")
    return " ".join(settings)


def _next_free(first: int, *, taken: set[int]) -> int:
    """The first port from ``first`` on, and then from 1024 on, that is free and not among ``taken``."""
    every = chain(range(first, LAST + 1), range(UNPRIVILEGED, first))
    return next(port for port in every if port not in taken and is_free(port))
