"""Passkeys: added, used, renamed, removed; and everything that is not one is refused."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt
import pytest
from flask import Flask
from pydantic import HttpUrl

from services.auth.factors import relying_party
from services.auth.models import AuditEvent, db
from services.auth.settings import AuthSettings
from tests.auth.authenticator import Authenticator, b64
from tests.auth.conftest import Mailbox, NewPerson, Person
from tests.auth.test_second_factors import enable_totp
from tests.auth.test_sessions import at

ADA = "ada@example.org"


def add(person: Person, authenticator: Authenticator, name: str = "Phone") -> Any:
    begun = person.call("POST", "passkeys/options").json
    body = {"passkey_token": begun["passkey_token"], "credential": authenticator.create(begun["options"])}
    return person.call("POST", "passkeys", name=name, **body)


def sign_in(person: Person, authenticator: Authenticator) -> Any:
    begun = person.post("passkeys/login/options").json
    credential = authenticator.get(begun["options"])
    return person.post("passkeys/login", passkey_token=begun["passkey_token"], credential=credential)


def test_passkey_signs_in_without_a_password_and_past_the_second_factor(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    ada, authenticator = new_account(), Authenticator()
    enable_totp(ada)

    added = add(ada, authenticator)
    answer = sign_in(stranger(), authenticator)

    assert (added.status_code, added.json["name"]) == (201, "Phone")
    assert answer.status_code == 200
    claims = jwt.decode(answer.json["access_token"], options={"verify_signature": False})
    assert claims["amr"] == ["pop", "user", "mfa"]
    assert "mfa_changed" in mailbox.templates()


def test_passkeys_are_listed_renamed_and_removed(new_account: NewPerson, stranger: NewPerson) -> None:
    ada, authenticator = new_account(), Authenticator()
    passkey_id = add(ada, authenticator).json["id"]

    renamed = ada.call("PATCH", f"passkeys/{passkey_id}", name="Key ring")
    listed = ada.call("GET", "passkeys").json["items"]
    removed = ada.call("DELETE", f"passkeys/{passkey_id}")

    assert (renamed.status_code, removed.status_code) == (200, 204)
    assert [item["name"] for item in listed] == ["Key ring"]
    assert sign_in(stranger(), authenticator).json["code"] == "passkey_invalid"


def test_nobody_touches_the_passkey_of_another(new_account: NewPerson) -> None:
    ada, eve = new_account(), new_account("eve@example.org")
    passkey_id = add(ada, Authenticator()).json["id"]

    answers = [
        eve.call("DELETE", f"passkeys/{passkey_id}"),
        eve.call("PATCH", f"passkeys/{passkey_id}", name="mine"),
    ]

    assert {answer.json["code"] for answer in answers} == {"passkey_not_found"}


def test_ceremony_serves_once(new_account: NewPerson, stranger: NewPerson) -> None:
    ada, authenticator = new_account(), Authenticator()
    add(ada, authenticator)
    begun = stranger().post("passkeys/login/options").json
    credential = authenticator.get(begun["options"])
    body = {"passkey_token": begun["passkey_token"], "credential": credential}

    answers = [stranger().post("passkeys/login", **body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize(
    "authenticator",
    [Authenticator(origin="https://evil.example"), Authenticator(flags=0x01)],
    ids=["another origin", "user not verified"],
)
def test_unfit_authenticator_is_not_added(new_account: NewPerson, authenticator: Authenticator) -> None:
    assert add(new_account(), authenticator).json["code"] == "passkey_invalid"


def test_copy_of_an_authenticator_is_refused_and_its_owner_told(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox, app: Flask
) -> None:
    ada, authenticator = new_account(), Authenticator()
    add(ada, authenticator)
    for _ in range(3):
        assert sign_in(stranger(), authenticator).status_code == 200
    authenticator.count = 1  # as a copy that was made after the first use

    answers = [sign_in(stranger(), authenticator) for _ in range(3)]

    # The copy counts 2 and 3, which was there; at 4 it is ahead, and now the real one would be noticed.
    assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert answers[0].json["code"] == "passkey_invalid"
    assert mailbox.templates(ADA).count("passkey_copied") == 2
    with app.app_context():
        actions = db.session.scalars(db.select(AuditEvent.action)).all()
    assert actions.count("passkey_copied") == 2


@pytest.mark.parametrize(
    ("public_url", "domain", "origins"),
    [
        ("https://id.example.org", "id.example.org", ["https://id.example.org"]),
        ("http://127.0.0.1:8080", "localhost", ["http://127.0.0.1:8080", "http://localhost:8080"]),
        ("http://localhost:8080", "localhost", ["http://localhost:8080"]),
    ],
)
def test_passkeys_belong_to_a_domain_that_browsers_take(
    settings: AuthSettings, public_url: str, domain: str, origins: list[str]
) -> None:
    settings = settings.model_copy(update={"public_url": HttpUrl(public_url)})

    assert (relying_party.domain(settings), relying_party.origins(settings)) == (domain, origins)


@pytest.mark.parametrize("credential", [{}, {"id": "%"}, {"id": 7}, {"id": "AAAA"}, {"response": []}])
def test_nonsense_is_refused(new_account: NewPerson, credential: dict[str, Any]) -> None:
    ada = new_account()
    signing = ada.post("passkeys/login/options").json["passkey_token"]
    adding = ada.call("POST", "passkeys/options").json["passkey_token"]

    answers = [
        ada.post("passkeys/login", passkey_token=signing, credential=credential),
        ada.call("POST", "passkeys", passkey_token=adding, credential=credential),
        ada.call("POST", "passkeys", passkey_token="nonsense", credential=credential),
    ]

    assert {answer.json["code"] for answer in answers} == {"passkey_invalid"}


@pytest.mark.parametrize("member", ["attestationObject", "clientDataJSON"])
@pytest.mark.parametrize(
    "content",
    [b"\x81" * 200_000, b"\x5b" + b"\xff" * 8, b"\xd8\x18" * 100_000, b"[" * 100_000, b'"text"', b"\xff"],
    ids=["deep arrays", "a string without end", "deep tags", "deep JSON", "a text", "no text"],
)
def test_hostile_content_is_refused_like_any_other(
    new_account: NewPerson, member: str, content: bytes
) -> None:
    ada = new_account()
    begun = ada.call("POST", "passkeys/options").json
    credential = Authenticator().create(begun["options"])
    credential["response"][member] = b64(content)

    answer = ada.call("POST", "passkeys", passkey_token=begun["passkey_token"], credential=credential)

    assert (answer.status_code, answer.json["code"]) == (401, "passkey_invalid")


def test_same_authenticator_is_not_added_twice(new_account: NewPerson) -> None:
    ada, authenticator = new_account(), Authenticator()
    add(ada, authenticator)

    assert add(ada, authenticator).json["code"] == "passkey_invalid"


def test_disabled_account_is_not_let_in_by_its_passkey(
    new_account: NewPerson, change_account: Callable[..., UUID]
) -> None:
    ada, authenticator = new_account(), Authenticator()
    add(ada, authenticator)
    change_account(ADA, is_active=False)

    assert sign_in(ada, authenticator).json["code"] == "passkey_invalid"


def test_session_that_was_left_open_cannot_change_passkeys(new_account: NewPerson) -> None:
    ada = new_account()
    passkey_id = add(ada, Authenticator()).json["id"]

    with at(seconds=301):
        answers = [ada.call("POST", "passkeys/options"), ada.call("DELETE", f"passkeys/{passkey_id}")]

    assert {answer.json["code"] for answer in answers} == {"fresh_sign_in_required"}
