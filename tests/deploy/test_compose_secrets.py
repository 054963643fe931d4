"""The secrets job of Compose: generates once, keeps what is there, makes nothing up in production."""

from pathlib import Path

import pytest

from deploy import compose_secrets
from deploy.compose_secrets import PROCESSES, fill, missing_in_production

OWNERS = ("postgres", "redis", *PROCESSES)
LONG = "x" * 32
COMPLETE = {
    "JWT_SECRET_KEY": LONG,
    "AUTH_SECRET_KEY": LONG,
    "GATEWAY_SESSION_SECRET_KEY": LONG,
    "NOTIFICATIONS_SMTP_HOST": "smtp.example.org",
    "PUBLIC_URL": "https://accounts.example.org",
}


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    """An empty volume for each owner."""
    for owner in OWNERS:
        (tmp_path / owner).mkdir()
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """Every file with its text."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_trial_gets_everything_that_a_process_requires(volumes: Path) -> None:
    fill(volumes, is_production=False)

    names = {owner: {path.name for path in (volumes / owner).iterdir()} for owner in OWNERS}
    assert names["auth"] == {"JWT_SECRET_KEY", "AUTH_SECRET_KEY", "REDIS_URL", "AUTH_DATABASE_URL"}
    assert names["gateway"] == {"JWT_SECRET_KEY", "REDIS_URL", "GATEWAY_SESSION_SECRET_KEY"}
    assert names["redis"] == {"password", "redis-password.conf"}


def test_every_process_shares_one_signing_key(volumes: Path) -> None:
    fill(volumes, is_production=False)

    keys = {(volumes / process / "JWT_SECRET_KEY").read_text() for process in PROCESSES}
    assert len(keys) == 1
    assert len(keys.pop()) >= compose_secrets.MINIMUM_BYTES


def test_nobody_but_auth_has_its_secret(volumes: Path) -> None:
    fill(volumes, is_production=False)

    own = (volumes / "auth" / "AUTH_SECRET_KEY").read_text()
    assert [name for name, text in contents(volumes).items() if own in text] == ["auth/AUTH_SECRET_KEY"]


def test_auth_goes_on_opening_what_it_sealed_before_it_had_a_secret(volumes: Path) -> None:
    fill(volumes, is_production=False)
    (volumes / "auth" / "AUTH_SECRET_KEY").unlink()  # as the release before left it

    fill(volumes, is_production=False)

    shared = (volumes / "gateway" / "JWT_SECRET_KEY").read_text()
    assert (volumes / "auth" / "AUTH_PREVIOUS_SECRET_KEYS").read_text() == shared
    assert (volumes / "auth" / "AUTH_SECRET_KEY").read_text() != shared


def test_a_second_run_changes_nothing(volumes: Path) -> None:
    fill(volumes, is_production=False)
    before = contents(volumes)

    fill(volumes, is_production=False)

    assert contents(volumes) == before


def test_a_service_s_url_carries_the_password_of_its_role(volumes: Path) -> None:
    fill(volumes, is_production=False)

    password = (volumes / "postgres" / "users_password").read_text()
    url = (volumes / "users" / "USERS_DATABASE_URL").read_text()
    assert url == f"postgresql://users:{password}@postgres:5432/users"


def test_production_generates_no_signing_key(volumes: Path) -> None:
    fill(volumes, is_production=True)

    assert [
        name
        for name in contents(volumes)
        if name.endswith(("JWT_SECRET_KEY", "AUTH_SECRET_KEY", "SESSION_SECRET_KEY"))
    ] == []


def test_production_with_everything_set_misses_nothing() -> None:
    assert missing_in_production(COMPLETE) == []


@pytest.mark.parametrize("name", COMPLETE)
def test_production_names_what_is_missing(name: str) -> None:
    environment = {key: value for key, value in COMPLETE.items() if key != name}

    sentences = missing_in_production(environment)

    assert len(sentences) == 1
    assert sentences[0].startswith(f"{name} is not set")


def test_production_refuses_a_short_secret_and_the_mailbox() -> None:
    sentences = missing_in_production(
        COMPLETE | {"JWT_SECRET_KEY": "short", "NOTIFICATIONS_SMTP_HOST": "mailbox"}
    )

    assert [sentence.split()[0] for sentence in sentences] == ["JWT_SECRET_KEY", "NOTIFICATIONS_SMTP_HOST"]
