"""Moving in and out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import orjson
import pytest
from click.testing import CliRunner
from flask import Flask

from services.auth.commands import accounts
from services.auth.models import Account, db
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson

ADA = "ada@example.org"
Run = Callable[..., Any]


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(accounts, "create_app", lambda: app)
    return lambda command, *arguments: CliRunner().invoke(command, [str(each) for each in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    lines = [
        {"email": "Ada@Example.org", "password_hash": hashed, "name": "Ada", "verified": True},
        {"email": "bob@example.org", "verified": True, "roles": ["support"]},
        {"email": "ada@example.org"},
        {"email": "not an address"},
        {"email": "eve@example.org", "password_hash": "md5$abc"},
        {"email": "mal@example.org", "password_hash": "scrypt:67108864:8:1$salt$00"},
        {"email": "zoe@example.org", "surprise": 1},
    ]
    path = tmp_path / "accounts.ndjson"
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)) + b"\n\nnonsense\n")
    return path


def test_accounts_are_taken_in_with_their_hashes_and_the_others_reported(
    run: Run, file: Path, stranger: NewPerson, mailbox: Mailbox
) -> None:
    result = run(accounts.import_accounts, file)

    assert result.exit_code == 1
    assert "Made 2, known 1, refused 5." in result.output
    assert "bcrypt: 1" in result.output
    assert "line 4: email:" in result.output
    assert "line 9:" in result.output
    assert stranger(ADA).sign_in()
    assert len(mailbox.messages("account_registered")) == 2


def test_dry_run_makes_nothing(app: Flask, run: Run, file: Path) -> None:
    result = run(accounts.import_accounts, "--dry-run", file)

    assert "Would make 2" in result.output
    with app.app_context():
        assert db.session.query(Account).count() == 0


def test_run_that_broke_off_is_repeated(run: Run, file: Path) -> None:
    run(accounts.import_accounts, file)

    assert "Made 0, known 3" in run(accounts.import_accounts, file).output
    assert "Would make 0, known 3" in run(accounts.import_accounts, "--dry-run", file).output


def test_export_can_be_taken_in_again(app: Flask, run: Run, file: Path, tmp_path: Path) -> None:
    run(accounts.import_accounts, file)
    exported = tmp_path / "exported.ndjson"

    assert run(accounts.export_accounts, exported).exit_code == 0
    with app.app_context():
        db.session.execute(db.delete(Account))
        db.session.commit()
    result = run(accounts.import_accounts, exported)

    assert (result.exit_code, "Made 2" in result.output) == (0, True)
