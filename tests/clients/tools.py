"""Packages of npm and PyPI that other people's programs need, installed once into a cache."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "doorward-tests"
NPM = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--omit=optional")


def node_folder() -> Path:
    """A folder with the packages of ``package.json`` in its ``node_modules``."""
    with _made(HERE / "package.json") as folder:
        if folder is not None:
            shutil.copy(HERE / "package.json", folder)
            _run(*NPM, folder=folder)
    return _place(HERE / "package.json")


def python_folder() -> Path:
    """A folder with the packages of ``requirements.txt``, for ``PYTHONPATH``."""
    with _made(HERE / "requirements.txt") as folder:
        if folder is not None:
            line = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            _run(*line, "--target", str(folder), "--requirement", str(HERE / "requirements.txt"), folder=HERE)
    return _place(HERE / "requirements.txt")


def _place(pins: Path) -> Path:
    digest = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return CACHE / f"{pins.stem}-{digest}"


@contextmanager
def _made(pins: Path) -> Iterator[Path | None]:
    """A folder to be filled, put into its place when that has gone well; None where it is there already."""
    place = _place(pins)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.exists():
            yield None
            return
        unfinished = place.with_name(f"{place.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        yield unfinished
        unfinished.rename(place)


def _run(*line: str, folder: Path) -> None:
    outcome = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
