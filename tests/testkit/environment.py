"""A virtual environment that holds a few distributions and nothing else, made without a registry."""

import shutil
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement


def make(folder: Path, *names: str) -> Path:
    """A new environment with these distributions of ours and what they need; its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for name in _closure(names):
        _copy(name, site)
    return python


def _closure(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        requirements = [Requirement(text) for text in distribution(name).requires or []]
        waiting += [
            needed.name
            for needed in requirements
            if needed.marker is None or needed.marker.evaluate({"extra": ""})
        ]
    return found


def _copy(name: str, site: Path) -> None:
    for file in distribution(name).files or []:
        if ".." in file.parts or "__pycache__" in file.parts:
            continue  # scripts: what is run here is run with -m
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(file.locate()), target)
