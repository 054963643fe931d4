"""A local list of breached passwords: SHA-1 hashes in order, as Have I Been Pwned hands them out.

One `HASH` or `HASH:COUNT` a line. The file may have a billion lines: it is searched where it lies, some
forty reads for a look, and never loaded.
"""

import os
import re
from pathlib import Path

# The longest line is a hash, a colon, a count and a line's end; two of them fit in here.
_WINDOW = 256
_LINE = re.compile(rb"([0-9A-Fa-f]{40})(:\d{1,15})?")
_PROBES = 64


class BreachFileInvalid(Exception):
    """The file is not a list of SHA-1 hashes in order; the text says where."""


class BreachFile:
    """The list in one file, opened for each look, so that a newer one may take its place at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> None:
        """Look at some lines all over the file; raises BreachFileInvalid, OSError."""
        with _Lines(self._path) as lines:
            places = sorted({lines.size * probe // _PROBES for probe in range(_PROBES)})
            hashes = [found for place in places if (found := lines.hash_after(place)) is not None]
        if not hashes:
            raise BreachFileInvalid(f"{self._path}: there is no SHA-1 hash in it")
        if hashes != sorted(hashes):
            raise BreachFileInvalid(f"{self._path}: its hashes are not in ascending order")

    def has(self, sha1: str) -> bool:
        """Whether the list holds the hash; raises BreachFileInvalid, OSError."""
        wanted = sha1.upper().encode()
        with _Lines(self._path) as lines:
            low, high = 0, lines.size
            while low < high:
                middle = (low + high) // 2
                found = lines.hash_after(middle)
                if found == wanted:
                    return True
                if found is None or found > wanted:
                    high = middle
                else:
                    low = middle + 1
            return lines.hash_after(low) == wanted


class _Lines:
    """The lines of an open file, found by a position in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "_Lines":
        self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._descriptor)

    def hash_after(self, place: int) -> bytes | None:
        """The hash of the first line that begins at or behind ``place``; None behind the last."""
        begin = max(0, place - 1)
        window = os.pread(self._descriptor, _WINDOW, begin)
        if place > 0:
            before, line_end, window = window.partition(b"\n")
            if len(before) == _WINDOW and not line_end:
                raise self._invalid(place)
        line = window.partition(b"\n")[0].strip()
        if not line:
            return None
        match = _LINE.fullmatch(line)
        if match is None:
            raise self._invalid(place)
        return match[1].upper()

    def _invalid(self, place: int) -> BreachFileInvalid:
        return BreachFileInvalid(f"{self._path}: no SHA-1 hash in the line behind byte {place}")
