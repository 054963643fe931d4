"""Truths about the repository: what is here is read as it stands, nothing is started."""

import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask

from deploy import docs
from deploy.processes import PROCESSES
from tests.repository.samples import ROOT, sample_settings


@pytest.fixture(scope="session")
def apps() -> dict[str, Flask]:
    """Every process's application, assembled and not connected to anything."""
    docs.import_everything()
    assembled = {}
    for process, entry in PROCESSES.items():
        module, _, call = entry.app.partition(":")
        create_app = getattr(import_module(module), call.removesuffix("()"))
        assembled[process] = create_app(sample_settings(process))
    return assembled


@pytest.fixture(scope="session")
def tracked_files() -> list[Path]:
    """Every file that belongs to the repository, those not yet committed included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]
