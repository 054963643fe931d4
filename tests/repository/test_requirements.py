"""requirements/ says what pyproject.toml says, and a process needs nothing beyond its own extra."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.repository.samples import ROOT, sample_environment

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMPILED = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
# The C compiler of the gateway's image. The tests of Compose build that image; nothing else has a use for it.
NOT_FOR_DEVELOPERS = {"ziglang"}
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)
# What each image runs; a worker's module loads its settings when it is imported.
ENTRY_POINTS = {
    "gateway": ["gateway.app"],
    "auth": ["services.auth.app", "services.auth.worker"],
    "users": ["services.users.app", "services.users.worker"],
    "notifications": ["services.notifications.app", "services.notifications.worker"],
    "mailbox": ["deploy.mailbox.command"],
}


def direct_requirements(extra: str) -> Iterator[Requirement]:
    """What ``extra`` asks for, extras of our own that it names included."""
    for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]:
        requirement = Requirement(text)
        if requirement.name == "doorward":
            for nested in requirement.extras:
                yield from direct_requirements(nested)
        else:
            yield requirement


def pins(extra: str) -> dict[str, set[str]]:
    """The pinned versions by project; more than one where they differ by platform or Python."""
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall((ROOT / "requirements" / f"{extra}.txt").read_text()):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


@pytest.mark.parametrize("extra", COMPILED)
def test_every_requirement_is_pinned_within_its_bounds(extra: str) -> None:
    pinned = pins(extra)

    astray = [
        str(requirement)
        for requirement in direct_requirements(extra)
        if not any(
            requirement.specifier.contains(version)
            for version in pinned.get(canonicalize_name(requirement.name), ())
        )
    ]

    assert astray == []


@pytest.mark.parametrize("extra", COMPILED)
def test_every_pin_has_hashes(extra: str) -> None:
    text = (ROOT / "requirements" / f"{extra}.txt").read_text()

    entries = re.split(r"\n(?=[A-Za-z0-9])", text)

    assert [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("extra", COMPILED)
def test_every_process_runs_on_the_versions_that_were_tested(extra: str) -> None:
    tested = pins("dev")

    untested = {name for name, found in pins(extra).items() if not found <= tested.get(name, set())}

    assert untested <= NOT_FOR_DEVELOPERS


@pytest.mark.parametrize("process", ENTRY_POINTS)
def test_a_process_imports_with_nothing_but_its_own_extra(process: str) -> None:
    environment = sample_environment(process) if process != "mailbox" else {}
    script = ROOT / "tests" / "repository" / "import_with_only.py"
    allowed = json.dumps(sorted(pins(process)))

    outcome = subprocess.run(
        [sys.executable, script, allowed, *ENTRY_POINTS[process]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert outcome.returncode == 0, outcome.stderr
