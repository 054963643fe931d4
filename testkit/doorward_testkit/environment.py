"""A virtual environment of Doorward's own: nothing of it gets into the one that the tests run in.

It is made once for each wheel, or each state of a checkout's requirements, and kept in the user's cache.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from doorward_testkit.backend import StartError, cache_folder

MADE = ".made"


def command_of(source: Path) -> Path:
    """The command ``doorward`` of a wheel or a checkout, installed where it is not yet; raises StartError."""
    folder = cache_folder() / _name_of(source)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several workers of a test run, one installs
        environment = folder / "venv"
        if not (environment / MADE).exists():
            _install(source, environment)
            (environment / MADE).touch()
    return environment / "bin" / "doorward"


def _name_of(source: Path) -> str:
    """What the environment depends on: the wheel, or where the checkout is and what it requires."""
    if source.is_file():
        parts = [source.read_bytes()]
    elif (source / "pyproject.toml").is_file():
        files = (source / "pyproject.toml", source / "requirements" / "local.txt")
        parts = [str(source.resolve()).encode(), *(file.read_bytes() for file in files)]
    else:
        raise StartError(f"{source} is neither a wheel nor a checkout of Doorward.")
    version = f"{sys.version_info.major}.{sys.version_info.minor}".encode()
    return hashlib.sha256(b"\0".join([version, *parts])).hexdigest()[:16]


def _install(source: Path, environment: Path) -> None:
    shutil.rmtree(environment, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(environment))
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pip.append("--disable-pip-version-check")
    if source.is_file():
        _run(*pip, f"{source.resolve()}[local]")
        return
    _run(*pip, "--no-deps", "--require-hashes", "--requirement", str(source / "requirements" / "local.txt"))
    _run(*pip, "--no-deps", "--no-build-isolation", "--editable", str(source))


def _run(*line: str) -> None:
    outcome = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if outcome.returncode != 0:
        raise StartError(f"{' '.join(line)} failed:\n{(outcome.stdout + outcome.stderr)[-4000:]}")
