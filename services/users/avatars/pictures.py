"""Pictures as they come from outside, made harmless: decoded in a process of their own, and encoded anew."""

import hashlib
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import BoundedSemaphore
from uuid import UUID

from services.users.avatars import decoder
from services.users.errors import PictureNotSupported, PicturesBusy, PictureTooLarge
from shared.chassis.logs import get_logger

LARGEST_BYTES = 5 * 2**20
DECODED_AT_ONCE = 2
PATIENCE_SECONDS = 5.0  # for a turn
TIMEOUT_SECONDS = 30.0

log = get_logger(__name__)
_turns = BoundedSemaphore(DECODED_AT_ONCE)


def render(content: bytes) -> Sequence[bytes]:
    """The picture in each of ``decoder.SIDES``; raises PictureNotSupported, PictureTooLarge, PicturesBusy."""
    if not _turns.acquire(timeout=PATIENCE_SECONDS):
        raise PicturesBusy
    try:
        return list(_unpacked(_decoded(content)))
    finally:
        _turns.release()


def _decoded(content: bytes) -> bytes:
    command = [sys.executable, "-I", str(Path(decoder.__file__))]
    try:
        done = subprocess.run(  # noqa: S603  (our own program)
            command, input=content, capture_output=True, timeout=TIMEOUT_SECONDS, env={}, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PictureTooLarge from error
    if done.returncode == decoder.NOT_A_PICTURE:
        raise PictureNotSupported
    if done.returncode != 0:  # by itself, or killed: out of memory, out of time, a fault of the decoder
        log.info("picture_refused", exit_code=done.returncode)
        raise PictureTooLarge
    return done.stdout


def _unpacked(output: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(output):
        (length,) = struct.unpack_from(">I", output, start)
        start += 4 + length
        yield output[start - length : start]


def address_of(account_id: UUID, pictures: Sequence[bytes]) -> str:
    """What the pictures are stored under: their content and whose they are.

    So two accounts never share a file: who deletes his deletes it, and nobody can find out who has which.
    """
    return hashlib.sha256(account_id.bytes + b"".join(pictures)).hexdigest()
