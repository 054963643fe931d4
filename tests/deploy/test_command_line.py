"""The command `doorward`: complete, quick to help, and clear about what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy import cli, env_file
from deploy.cli import COMMANDS, doorward
from deploy.local.databases import SERVICES_FOLDER, _heads
from deploy.processes import PROCESSES, SERVICES
from shared.chassis.testing.processes import bare_environment

ROOT = Path(__file__).parents[2]
# What every process needs to start.
SETTINGS = {
    "DOORWARD_ENVIRONMENT": "development",
    "JWT_SECRET_KEY": "a secret of more than thirty-two bytes, shared",
    "AUTH_SECRET_KEY": "a secret of more than thirty-two bytes, of auth",
    "PUBLIC_URL": "http://127.0.0.1:8080",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "JWT_ALGORITHMS": "EdDSA,HS256",
    "NOTIFICATIONS_SMTP_HOST": "127.0.0.1",
    "NOTIFICATIONS_MAIL_FROM": "accounts@example.org",
}


def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with only that environment."""
    return subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        env=bare_environment(DOORWARD_DATA_DIR="no-such-folder", **environment),
        cwd=cwd,
        capture_output=True,
        text=True,
    )


def test_help_names_every_command() -> None:
    shown = CliRunner().invoke(doorward, ["--help"]).output

    assert [name for name in COMMANDS if f"  {name} " not in shown] == []


def test_help_imports_no_command() -> None:
    code = """
import sys
from deploy.cli import doorward
doorward(["--help"], standalone_mode=False)
modules = [name for name, module in sys.modules.items() if not hasattr(module, "__path__")]
print([name for name in modules if name.startswith(("gateway.", "services.auth.", "flask"))])
"""

    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert shown.stdout.splitlines()[-1] == "[]"


def test_command_that_is_not_installed_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "absent", cli.Entry("no_such_package.cli:command", "Not here."))

    assert "absent" not in CliRunner().invoke(doorward, ["--help"]).output
    assert CliRunner().invoke(doorward, ["absent"]).exit_code == 2


@pytest.mark.parametrize("process", PROCESSES)
def test_bad_settings_are_all_named_before_anything_starts(process: str) -> None:
    outcome = run("serve", process, JWT_SECRET_KEY="0123456789")

    assert outcome.returncode == 2
    assert "doorward: JWT_SECRET_KEY: is too short" in outcome.stderr
    assert "doorward: REDIS_URL: is not set" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "0123456789" not in outcome.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_worker_and_migration_refuse_bad_settings_too(service: str) -> None:
    for command in ("work", "migrate"):
        outcome = run(command, service)

        assert outcome.returncode == 2
        assert f"doorward: {service.upper()}_DATABASE_URL: is not set" in outcome.stderr


def test_command_of_a_person_says_where_settings_could_come_from() -> None:
    outcome = run("routes")

    assert outcome.returncode == 2
    assert "run this command while `doorward up` runs" in outcome.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("create-admin", "--email", "ada@example.org", "--password", "a long and unusual passphrase"),
        ("export-profiles", "profiles.jsonl"),
        ("queue",),
        ("outbox", "list", "users"),
    ],
    ids=lambda command: command[0],
)
def test_command_whose_database_is_away_says_so_in_a_sentence(
    command: tuple[str, ...], tmp_path: Path, open_port: int
) -> None:
    away = {
        f"{name.upper()}_DATABASE_URL": f"postgresql://d:hidden@127.0.0.1:{open_port}/d" for name in SERVICES
    }

    outcome = run(*command, cwd=tmp_path, **SETTINGS, **away)

    assert outcome.returncode not in (0, 1)
    assert "Traceback" not in outcome.stderr
    assert "hidden" not in outcome.stderr
    (sentence,) = [line for line in outcome.stderr.splitlines() if line.startswith("doorward: ")]
    assert f"port {open_port} failed: Connection refused" in sentence


def test_wrong_port_of_the_runner_is_named() -> None:
    outcome = run("up", GATEWAY_PORT="many")

    assert outcome.returncode == 2
    assert "doorward: GATEWAY_PORT:" in outcome.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_one_newest_migration(service: str) -> None:
    assert len(_heads(SERVICES_FOLDER / service / "migrations" / "versions")) == 1


def test_newest_migration_is_found_through_merges(tmp_path: Path) -> None:
    for name, text in {
        "a": "revision = 'a'\ndown_revision = None\n",
        "b": "revision: str = 'b'\ndown_revision: str | None = 'a'\n",
        "c": "revision = 'c'\ndown_revision = 'a'\n",
        "d": "revision = 'd'\ndown_revision = ('b', 'c')\n",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)

    assert _heads(tmp_path) == {"d"}


def test_env_file_has_fresh_secrets_and_is_never_overwritten(tmp_path: Path) -> None:
    example, target = tmp_path / ".env.example", tmp_path / ".env"
    example.write_text(
        "# PUBLIC_URL=x\n# JWT_SECRET_KEY=   # openssl\n# AUTH_SECRET_KEY=\n# GATEWAY_SESSION_SECRET_KEY=\n"
    )

    assert env_file.write(example, target)
    written = target.read_text()
    assert not env_file.write(example, target)

    values = dict(line.split("=", 1) for line in written.splitlines() if not line.startswith("#"))
    assert set(values) == {"JWT_SECRET_KEY", "AUTH_SECRET_KEY", "GATEWAY_SESSION_SECRET_KEY"}
    assert all(len(value) >= 43 and " " not in value for value in values.values())
    assert target.read_text() == written
    assert target.stat().st_mode & 0o077 == 0
