"""Nobody learns from an answer whether an address is registered; ``enumeration`` compares the times."""

from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from services.auth.models import db
from services.auth.passwords.hashing import Passwords
from services.auth.settings import AuthSettings
from tests.auth.conftest import AUTH
from tests.auth.enumeration import CALLS, KINDS, add_account, address, comparable, kinds_of_accounts


@pytest.fixture
def client(app: Flask, settings: AuthSettings) -> FlaskClient:
    """Somebody who asks about accounts of every kind."""
    hashed = PasswordHasher(1, 1024, 1).hash("plum-harbour-93-kettle")
    with app.app_context():
        for kind, values in kinds_of_accounts(hashed).items():
            add_account(kind, values)
        db.session.commit()
    return app.test_client()


def ask(client: FlaskClient, call: str, kind: str) -> str:
    answer = client.post(f"{AUTH}/{call}", json={"email": address(kind), **CALLS[call]})
    assert answer.status_code in {202, 400, 401}
    return comparable(answer.status_code, dict(answer.headers), answer.json)


@pytest.mark.parametrize("call", CALLS)
def test_status_body_and_headers_are_equal_for_every_kind_of_account(client: FlaskClient, call: str) -> None:
    answers = {kind: ask(client, call, kind) for kind in KINDS}

    assert len(set(answers.values())) == 1, answers


def test_sign_in_weighs_one_hash_for_every_kind_of_account(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    weighed: dict[str, int] = dict.fromkeys(KINDS, 0)
    matches = Passwords._matches
    asked = ""

    def note(self: Passwords, *arguments: Any) -> bool:
        weighed[asked] += 1
        return matches(self, *arguments)

    monkeypatch.setattr(Passwords, "_matches", note)

    for asked in KINDS:
        ask(client, "login", asked)

    assert weighed == dict.fromkeys(KINDS, 1)
