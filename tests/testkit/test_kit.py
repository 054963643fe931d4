"""The kit as a team has it: built, installed in an environment of its own, used by forty lines of tests."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from doorward_testkit import environment as own_environment

from tests.testkit import environment

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).with_name("sample.py")

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built distribution."""
    return build(ROOT / "testkit", tmp_path_factory.mktemp("wheel"))


def build(project: Path, folder: Path) -> Path:
    """The wheel of a project."""
    line = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*line, "--wheel-dir", folder, project], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a team's environment: pytest, httpx and the kit."""
    made = environment.make(tmp_path_factory.mktemp("team") / "venv", "pytest", "httpx")
    site = next((made.parents[1] / "lib").glob("python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return made


def run_sample(python: Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The sample's tests, in a folder outside the repository."""
    target = folder / "shop"
    target.mkdir()
    (target / "test_shop.py").write_text(SAMPLE.read_text())
    (target / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:cacheprovider\n")
    temporary = folder / "tmp"
    temporary.mkdir()
    own = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary)}
    return subprocess.run(
        [python, "-m", "pytest"], env=own | variables, cwd=target, capture_output=True, text=True, timeout=280
    )


def test_wheel_holds_the_kit_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"doorward_testkit"}


def test_sample_has_forty_lines_at_most() -> None:
    assert len(SAMPLE.read_text().splitlines()) <= 40


def test_team_without_the_repository_tests_against_a_whole_system(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doorward comes as a wheel and gets an environment of its own, once.

    The distributions that it needs are those of this environment: a test must not wait for a registry.
    """
    doorward, cache = build(ROOT, tmp_path), str(tmp_path / "cache")
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("PIP_NO_DEPS", "1")

    command = own_environment.command_of(doorward)
    (site,) = command.parents[1].glob("lib/python*/site-packages")
    (site / "needed.pth").write_text(sysconfig.get_path("purelib"))
    outcome = run_sample(python, tmp_path, DOORWARD_TESTKIT_INSTALL=str(doorward), XDG_CACHE_HOME=cache)

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "4 passed" in outcome.stdout
    assert (site / "services" / "auth" / "app.py").exists()
    assert list((tmp_path / "tmp").glob("doorward-*")) == []


@pytest.mark.parametrize("source", ["no-such.whl", "."])
def test_source_that_is_neither_wheel_nor_checkout_is_a_sentence(
    python: Path, tmp_path: Path, source: str
) -> None:
    outcome = run_sample(python, tmp_path, DOORWARD_TESTKIT_INSTALL=source)

    assert outcome.returncode == 1
    assert "is neither a wheel nor a checkout of Doorward." in outcome.stdout


def test_images_need_the_extra(python: Path, tmp_path: Path) -> None:
    outcome = run_sample(python, tmp_path, DOORWARD_TESTKIT_IMAGES="dev")

    assert outcome.returncode == 1
    assert "install doorward-testkit[containers]" in outcome.stdout


def test_missing_command_is_a_sentence(python: Path, tmp_path: Path) -> None:
    outcome = run_sample(python, tmp_path, DOORWARD_TESTKIT_COMMAND="no-such-doorward")

    assert outcome.returncode == 1
    assert "There is no command 'no-such-doorward'. Set doorward_command" in outcome.stdout


def test_start_that_fails_says_why(python: Path, tmp_path: Path) -> None:
    command = str(Path(sys.executable).with_name("doorward"))

    outcome = run_sample(python, tmp_path, DOORWARD_TESTKIT_COMMAND=command, LOG_LEVEL="loud")

    assert outcome.returncode == 1
    assert 'LOG_LEVEL: "loud" is none of' in outcome.stdout
