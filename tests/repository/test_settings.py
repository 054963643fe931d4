"""No process starts without one of its settings, nor with a secret that is weak: it says which."""

import os
import tempfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deploy.migrate import migrate
from deploy.processes import PROCESSES, SERVICES
from deploy.serve import serve
from deploy.work import work
from shared.chassis.settings import SettingsError
from tests.repository.samples import sample_environment

STARTS = [
    *((serve, process) for process in PROCESSES),
    *((start, service) for start in (work, migrate) for service in SERVICES),
]
EACH_SETTING = [(start, process, name) for start, process in STARTS for name in sample_environment(process)]
EACH_SECRET = [case for case in EACH_SETTING if case[2].endswith("SECRET_KEY")]


def named(case: tuple[click.Command, str, str]) -> str:
    start, process, name = case
    return f"{start.name} {process}: {name}"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set, and nothing becomes a server by mistake."""
    for name in {name for process in PROCESSES for name in sample_environment(process)} & os.environ.keys():
        monkeypatch.delenv(name)
    monkeypatch.setattr("deploy.serve.become_gunicorn", lambda _arguments: pytest.fail("it started"))


def mistakes(start: click.Command, process: str, environment: dict[str, str]) -> list[str]:
    """The sentences with which the start ends."""
    outcome = CliRunner(env=environment).invoke(start, [process])
    assert isinstance(outcome.exception, SettingsError), outcome.exception
    return str(outcome.exception).splitlines()


@pytest.mark.parametrize("case", EACH_SETTING, ids=named)
def test_removing_any_one_setting_stops_the_start_and_names_it(case: tuple[click.Command, str, str]) -> None:
    start, process, name = case
    environment = {key: value for key, value in sample_environment(process).items() if key != name}

    assert [mistake.split(" ")[:4] for mistake in mistakes(start, process, environment)] == [
        [f"{name}:", "is", "not", "set"]
    ]


@pytest.mark.parametrize("case", EACH_SECRET, ids=named)
def test_secret_of_ten_bytes_stops_the_start_and_names_it(case: tuple[click.Command, str, str]) -> None:
    start, process, name = case

    (mistake,) = mistakes(start, process, sample_environment(process) | {name: "0123456789"})

    assert mistake.startswith(f"{name}: is too short")
    assert "0123456789" not in mistake


def test_start_that_ends_leaves_no_folder_of_counts_and_names_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    mistakes(serve, "users", sample_environment("users") | {"USERS_PORT": "none"})

    assert list(tmp_path.iterdir()) == []
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
