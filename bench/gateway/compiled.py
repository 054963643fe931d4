"""The gateway as its image runs it, compiled (deploy/compiling.py); made again when its code has changed."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from bench.gateway.contestants import ROOT
from bench.gateway.ground import CACHE
from deploy import compiling

COPY = CACHE / "compiled"


@cache
def home() -> Path:
    """The folder of the copy; that of the sources where it cannot be made, and says so."""
    if missing := _missing():
        print(f"{missing} is not installed: the gateway is measured as its sources alone, not compiled")
        return ROOT
    stamp, digest = COPY / "sources", _digest()
    if not stamp.is_file() or stamp.read_text() != digest:
        print("compiling the gateway: a minute or two, once, and again when its code changes", flush=True)
        shutil.rmtree(COPY, ignore_errors=True)
        command = [sys.executable, "-m", "deploy.compiling", str(COPY)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        stamp.write_text(digest)
    return COPY


def _missing() -> str | None:
    """What a compilation lacks here: the C compiler (CC, or the one of this Python), or Python's headers."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"The C compiler {compiler}"
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return None if header.is_file() else f"{header} (Debian: python3-dev)"


def _digest() -> str:
    """What the copy is made of: the code, the interpreter, the pins of mypyc."""
    digest = hashlib.sha256(sys.version.encode())
    files = [ROOT / "requirements" / "dev.txt"]
    for package in compiling.PACKAGES:
        files += sorted((ROOT / package).rglob("*.py"))
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
