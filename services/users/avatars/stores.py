"""Where pictures lie: a folder, or an S3-style store; one small interface."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from services.users.avatars.s3 import S3Store
from services.users.errors import AvatarsUnavailable
from services.users.settings import UsersSettings


class AvatarStore(Protocol):
    """Files by name. Every method raises AvatarsUnavailable where the store does not answer."""

    def put(self, name: str, content: bytes) -> None:
        """Store the file whole or not at all; harmless when repeated."""

    def get(self, name: str) -> bytes | None:
        """The file's content; None where there is none."""

    def delete(self, name: str) -> None:
        """Have no such file."""


class FolderStore:
    """Files in a folder that all processes of users share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, content: bytes) -> None:
        """As the interface says."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, written = tempfile.mkstemp(dir=self._folder, prefix=".")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(descriptor)
                Path(written).replace(self._folder / name)
            except BaseException:
                with suppress(FileNotFoundError):
                    Path(written).unlink()
                raise
        except OSError as error:
            raise AvatarsUnavailable from error

    def get(self, name: str) -> bytes | None:
        """As the interface says."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AvatarsUnavailable from error

    def delete(self, name: str) -> None:
        """As the interface says."""
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise AvatarsUnavailable from error


def store_of(settings: UsersSettings) -> AvatarStore | None:
    """The store that the settings name; None where there is none, and nobody can upload."""
    if settings.avatar_s3_url is not None:
        return S3Store(settings)
    return FolderStore(settings.avatar_folder) if settings.avatar_folder else None
