"""What a mistake in the settings of `make up` leads to: one sentence, at once, and no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import PORTS

ROOT = Path(__file__).parents[2]
DATABASE = "write it as postgresql://role:password@host:5432/database."
REDIS = "write it as redis://:password@host:6379/0, with rediss:// for TLS."
MISTAKES = {
    "JWT_SECRET_KEY=0123456789": "JWT_SECRET_KEY: is too short: it needs at least 32 bytes; "
    "`openssl rand -base64 48` makes a good one.",
    "JWT_ALGORITHMS=HS512": "JWT_ALGORITHMS: \"HS512\" is none of 'HS256', 'EdDSA', 'ES256' or 'RS256'.",
    "AUTH_DATABASE_URL=mysql://role:hidden@host/name": f"AUTH_DATABASE_URL: begins with mysql://; {DATABASE}",
    "AUTH_DATABASE_URL=role:hidden@host/name": f"AUTH_DATABASE_URL: is not a URL; {DATABASE}",
    "USERS_DATABASE_URL=postgresql://a:hidden@h": f"USERS_DATABASE_URL: names no database; {DATABASE}",
    "USERS_DATABASE_URL=postgresql:///name": f"USERS_DATABASE_URL: names no host; {DATABASE}",
    "USERS_DATABASE_URL=postgresql://a:hidden@host:many/name": "USERS_DATABASE_URL: has a host or port that "
    f"cannot be read; {DATABASE}",
    "REDIS_URL=localhost:6379": f"REDIS_URL: is not a URL; {REDIS}",
    "REDIS_URL=http://:hidden@localhost:6379": f"REDIS_URL: begins with http://; {REDIS}",
    "REDIS_URL=redis://:hidden@localhost:6379/cache": "REDIS_URL: ends in 'cache' instead of the number of a "
    f"database; {REDIS}",
    "PUBLIC_URL=accounts.example.org": 'PUBLIC_URL: "accounts.example.org" is not a URL; write it as '
    "https://accounts.example.org.",
    "PUBLIC_URL=ftp://accounts.example.org": 'PUBLIC_URL: "ftp://accounts.example.org" begins with neither '
    "http:// nor https://.",
    "LOG_LEVEL=verbose": "LOG_LEVEL: \"verbose\" is none of 'DEBUG', 'INFO', 'WARNING' or 'ERROR'.",
    "DOORWARD_ENVIRONMENT=staging": 'DOORWARD_ENVIRONMENT: "staging" is none of '
    "'production' or 'development'.",
    "GATEWAY_PORT=many": 'GATEWAY_PORT: "many" is not a whole number.',
    "GATEWAY_PORT=80800": 'GATEWAY_PORT: "80800" is too high: the most is 65535.',
    "AUTH_WORKERS=0": 'AUTH_WORKERS: "0" is too low: the least is 1.',
    "GATEWAY_LIMITER_TIMEOUT_SECONDS=soon": 'GATEWAY_LIMITER_TIMEOUT_SECONDS: "soon" is not a number.',
    "NOTIFICATIONS_RETRY_HOURS=0": 'NOTIFICATIONS_RETRY_HOURS: "0" is too low: it has to be above 0.',
    "NOTIFICATIONS_SMTP_SECURITY=ssl": "NOTIFICATIONS_SMTP_SECURITY: \"ssl\" is none of 'starttls', 'tls' or "
    "'none'.",
    "NOTIFICATIONS_ATTEMPT_LEASE_SECONDS=5": "NOTIFICATIONS_ATTEMPT_LEASE_SECONDS must be longer than "
    "NOTIFICATIONS_SMTP_TIMEOUT_SECONDS.",
    "GATEWAY_ROUTES_FILE=absent.toml": "absent.toml: ",
}


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """A newcomer's environment, its data in ``folder``."""
    own = {"DOORWARD_DATA_DIR": str(folder / "data"), "DOORWARD_ENV_FILE": str(folder / ".env")}
    return {"PATH": os.environ["PATH"], **dict.fromkeys(PORTS, "0"), **own, **variables}


def run_up(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`doorward up` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "deploy", "up"],
        env=environment(folder, **variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_one_sentence_before_anything_starts(tmp_path: Path, mistake: str) -> None:
    name, _, value = mistake.partition("=")

    outcome = run_up(tmp_path, **{name: value})

    assert outcome.returncode == 2
    assert outcome.stdout == ""
    (sentence,) = outcome.stderr.splitlines()
    assert sentence.startswith(f"doorward: {MISTAKES[mistake]}")
    assert "hidden" not in sentence
    assert not (tmp_path / "data" / "postgres").exists()


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
