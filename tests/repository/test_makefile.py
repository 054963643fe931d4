"""`make help` names every command, and `make check` looks into every folder with code."""

import re
import subprocess
import tomllib

from shared.chassis.testing.processes import bare_environment
from tests.repository.samples import ROOT

TARGET = re.compile(r"^([a-z][\w-]*):", re.MULTILINE)
INCLUDED = re.compile(r"--include=(\S+)")
WANTED = {"up", "test", "check", "bench", "help"}


def test_help_names_every_target() -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))

    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert targets >= WANTED
    assert {target for target in targets if not re.search(rf"\b{target}\b", shown)} == set()


def test_code_under_the_highest_floor_is_there() -> None:
    environment = bare_environment()  # without what the make that runs this test was told
    steps = subprocess.run(
        ["make", "-n", "test"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout

    paths = INCLUDED.findall(steps)[0].split(",")

    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_types_are_checked_in_every_folder_but_the_tests() -> None:
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]

    listed = subprocess.run(
        ["git", "ls-files", "*/*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folders = {path.partition("/")[0] for path in listed.stdout.splitlines()}

    assert folders - {"tests", "testkit"} == set(checked) - {"doorward_testkit"}
