"""A variable that looks like a setting and is none is named, with the one that was probably meant."""

import subprocess
import sys

import pytest

from deploy import known_settings
from deploy.processes import PROCESSES
from shared.chassis.testing.processes import bare_environment
from tests.repository.samples import ROOT, sample_environment


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("GATEWAY_ALOWED_ORIGINS", "did you mean GATEWAY_ALLOWED_ORIGINS?"),
        ("AUTH_REFRESH_TOKEN_DAY", "did you mean AUTH_REFRESH_TOKEN_DAYS?"),
        ("DOORWARD_ENVIROMENT", "did you mean DOORWARD_ENVIRONMENT?"),
        ("USERS_COLOUR_OF_THE_HAT", "docs/settings.md lists all of them."),
    ],
)
def test_mistyped_setting_is_named_with_the_nearest_one(name: str, hint: str) -> None:
    assert list(known_settings.unknown([name], PROCESSES)) == [
        f"{name} is set, but there is no such setting; {hint}"
    ]


def test_settings_of_ours_and_variables_of_others_are_passed_over() -> None:
    ours = {name for process in PROCESSES for name in known_settings.of(process)}

    assert list(known_settings.unknown([*ours, "DOORWARD_DATA_DIR", "PATH", "AUTHOR"], PROCESSES)) == []


def test_process_is_given_no_setting_of_others_alone() -> None:
    environment = {"AUTH_PORT": "1", "GATEWAY_PORT": "2", "REDIS_URL": "3", "AUTH_URL": "4", "PATH": "5"}

    assert known_settings.without_others(environment, "users") == {
        "REDIS_URL": "3",
        "AUTH_URL": "4",
        "PATH": "5",
    }
    assert known_settings.without_others(environment, "auth").keys() == environment.keys() - {"GATEWAY_PORT"}


def test_process_leaves_the_settings_of_others_to_them() -> None:
    assert list(known_settings.unknown(["USERS_NONSENSE", "GATEWAY_NONSENSE"], ["auth"])) == []


def serve_users(**settings: str) -> subprocess.CompletedProcess[str]:
    code = "from deploy import cli, serve; serve.become_gunicorn = lambda _: None; cli.main()"
    return subprocess.run(
        [sys.executable, "-c", code, "serve", "users"],
        env=bare_environment(**{**sample_environment("users"), **settings}),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_server_says_so_in_its_log() -> None:
    outcome = serve_users(USERS_WORKER="2")

    assert '"event":"setting_unknown"' in outcome.stdout + outcome.stderr
    assert "USERS_WORKER is set" in outcome.stdout + outcome.stderr


def test_start_that_fails_names_them_beside_the_mistake() -> None:
    outcome = serve_users(USERS_WORKER="2", USERS_PORT="none")

    assert outcome.returncode == 2
    mistake, hint = outcome.stderr.splitlines()
    assert "USERS_PORT" in mistake
    assert hint.endswith("USERS_WORKER is set, but there is no such setting; did you mean USERS_WORKERS?")
