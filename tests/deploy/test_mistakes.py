"""What a mistake in the settings of `make up` leads to: one sentence, at once, and no traceback."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import cli
from deploy.local.settings import LocalSettings
from deploy.mailbox.settings import MailboxSettings
from deploy.processes import PROCESSES, settings_class
from shared.chassis.settings import EnvironmentSettings, SettingsError
from tests.deploy.mistakes import MISTAKES, ROOT, environment, exit_code, is_expected, run_up, write_files


@pytest.fixture
def refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str]]]:
    """``refusal(NAME="value")``: exit code and sentences of `doorward up`, without a process of its own."""

    def refuse(**variables: str) -> tuple[int, str]:
        own = environment(tmp_path, **variables)
        os.environ.clear()
        os.environ.update(own)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["doorward", "up"])
        with pytest.raises(SystemExit) as ending:
            cli.main()
        shown = capsys.readouterr()
        assert shown.out == ""
        return int(ending.value.code or 0), shown.err

    # The command makes this process its own: it sets variables and the mask of new files.
    former, mask = dict(os.environ), os.umask(0o022)
    yield refuse
    os.umask(mask)
    os.environ.clear()
    os.environ.update(former)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_one_sentence_before_anything_starts(
    tmp_path: Path, refusal: Callable[..., tuple[int, str]], mistake: str
) -> None:
    name, _, value = mistake.partition("=")
    write_files(tmp_path)

    code, said = refusal(**{name: value})

    assert is_expected(mistake, said), said
    assert code == exit_code(name)
    assert not (tmp_path / "data" / "postgres").exists()


def test_thirty_mistakes_are_in_the_table() -> None:
    assert len(MISTAKES) >= 30


@pytest.mark.parametrize("value", ["", "no", "-1", "inf", "[]", "{}", "a, b", "x\ny", "x" * 600])
@pytest.mark.parametrize("kind", [*map(settings_class, PROCESSES), LocalSettings, MailboxSettings])
def test_no_mistake_is_told_in_the_words_of_a_library(
    monkeypatch: pytest.MonkeyPatch, kind: type[EnvironmentSettings], value: str
) -> None:
    for field in kind.model_fields:
        monkeypatch.setenv(kind.variable(field), value)

    with pytest.raises(SettingsError) as mistakes:
        kind.load()

    for sentence in str(mistakes.value).splitlines():
        assert sentence.split(":")[0] in map(kind.variable, kind.model_fields), sentence
        assert " should " not in sentence
        assert "pattern" not in sentence


def test_all_mistakes_are_named_at_once_and_each_once(tmp_path: Path) -> None:
    outcome = run_up(tmp_path, LOG_LEVEL="loud", AUTH_THREADS="none", REDIS_URL="redis")

    names = [sentence.split(":")[1].strip() for sentence in outcome.stderr.splitlines()]
    assert names == ["REDIS_URL", "LOG_LEVEL", "AUTH_THREADS"]


def test_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=loud # too loud\nAUTH_THREADS='none'\nREDIS_URL=\n")

    outcome = run_up(tmp_path, AUTH_THREADS="0")

    assert outcome.stderr.splitlines() == [
        "doorward: LOG_LEVEL: \"loud\" is none of 'DEBUG', 'INFO', 'WARNING' or 'ERROR'.",
        'doorward: AUTH_THREADS: "0" is too low: the least is 1.',
    ]


def test_command_without_a_running_backend_reads_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=loud\n")

    outcome = subprocess.run(
        [sys.executable, "-m", "deploy", "routes"],
        env=environment(tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert outcome.returncode == 2
    assert 'LOG_LEVEL: "loud" is none of' in outcome.stderr
