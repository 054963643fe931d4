"""Files that commands write: for their owner alone, and whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def written(file: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """The content of ``file``, which gets its name when it is complete; raises UsageError if it exists."""
    if file.exists() and not overwrite:
        raise click.UsageError(f"{file} already exists; add --overwrite to replace it.")
    unfinished = file.with_name(f".{file.name}.part")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as content:
        yield content
        content.flush()
        os.fsync(descriptor)
    unfinished.replace(file)
