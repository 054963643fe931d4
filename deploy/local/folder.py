"""The data folder: made once, held by one runner at a time, written so that a kill leaves no halves."""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.errors import AlreadyRunning, FolderUnusable, RunnerError

NEEDED_BYTES = 32 * 1024 * 1024
# What a new database cluster takes, write-ahead log included.
NEEDED_BYTES_AT_FIRST = 256 * 1024 * 1024
LOCK = "lock"
STATE = "state.json"


class DataFolder:
    """A folder that this process holds until it ends. Raises RunnerError where it cannot be had."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            # Whoever is nobody for the sake of PostgreSQL passes through, and reads nothing else.
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        self._take()
        with explained(self.path):
            self.refuse_full_disk()
            self.temporary = self._emptied("tmp")

    @property
    def was_left_in_disorder(self) -> bool:
        """Whether the runner before this one was killed, so that its processes may still be ending."""
        return self._was_dirty

    def read(self, name: str) -> Any:
        """The content of a JSON file; None where there is no such file. Raises ValueError for halves."""
        try:
            return json.loads((self.path / name).read_text())
        except FileNotFoundError:
            return None

    def write(self, name: str, content: Any) -> None:
        """Replace a JSON file as a whole, readable by its owner alone."""
        target = self.path / name
        draft = target.with_name(f"{name}.{os.getpid()}.new")
        with explained(self.path):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(content, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)

    def refuse_full_disk(self) -> None:
        """Raise FolderUnusable where there is no room to work in."""
        free = shutil.disk_usage(self.path).free
        needed = NEEDED_BYTES if (self.path / "postgres").exists() else NEEDED_BYTES_AT_FIRST
        if free < needed:
            raise FolderUnusable(
                f"The disk of {self.path} is full: {free // 2**20} MiB are free and {needed // 2**20} MiB "
                "are needed; make room, or set DOORWARD_DATA_DIR to another disk."
            )

    def release(self) -> None:
        """Let go in order: the next runner has nothing to wait for."""
        os.ftruncate(self._lock, 0)
        (self.path / STATE).unlink(missing_ok=True)
        shutil.rmtree(self.temporary, ignore_errors=True)
        os.close(self._lock)

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise FolderUnusable(f"{self.path} cannot be locked: {error.strerror}.") from error
            raise AlreadyRunning(
                f"Doorward already runs on {self.path} (process {self._holder()}); stop it first, "
                "or set DOORWARD_DATA_DIR and other ports for a second one."
            ) from error
        self._was_dirty = bool(self._holder())
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _holder(self) -> str:
        return os.pread(self._lock, 32, 0).decode(errors="replace").strip()

    def _emptied(self, name: str) -> Path:
        path = self.path / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700, exist_ok=True)
        return path


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say in a sentence what the operating system has against writing below ``path``."""
    try:
        yield
    except RunnerError:
        raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            sentence = f"The disk of {path} is full; make room, or set DOORWARD_DATA_DIR to another disk."
        else:
            sentence = (
                f"The data folder {path} cannot be used ({error.strerror}: {error.filename or path}); "
                "set DOORWARD_DATA_DIR to a folder that this user can write."
            )
        raise FolderUnusable(sentence) from error
