"""Files that commands write: for their owner alone, and whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def written(file: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """The content of ``file``, which gets its name when it is complete; raises UsageError if it exists.

    Where the command fails, a file of before stays as it was.
    """
    if file.exists() and not overwrite:
        raise _Exists(file)
    unfinished = file.with_name(f".{file.name}.part")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as content:
            yield content
            content.flush()
            os.fsync(descriptor)
        _name(unfinished, file, overwrite=overwrite)
    finally:
        unfinished.unlink(missing_ok=True)


def _name(unfinished: Path, file: Path, *, overwrite: bool) -> None:
    if not overwrite:
        try:
            file.touch(0o600, exist_ok=False)  # another command may have come first
        except FileExistsError as error:
            raise _Exists(file) from error
    unfinished.replace(file)


class _Exists(click.UsageError):
    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} already exists; add --overwrite to replace it.")
