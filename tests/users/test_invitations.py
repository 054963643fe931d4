"""Invitations: single use, expiring, to any address without telling whose it is."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func

from services.users.housekeeping import chores
from services.users.models import Invitation, db
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.housekeeping import Housekeeper
from shared.chassis.ids import new_id
from tests.users.conftest import FakeAccounts
from tests.users.organizations import (
    INVITATIONS,
    Person,
    add_member,
    code_to,
    mails_to,
    person,
    roles_in,
    sent,
    token_to,
)

BOB = "bob@example.org"
MEMBERS = "member", "admin", "owner"


@pytest.fixture
def ada(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, "ada@example.org", locale="de")


@pytest.fixture
def bob(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, BOB)


@pytest.fixture
def eve(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, "eve@example.org")


@pytest.fixture
def organization(ada: Person) -> str:
    return ada.create()


def aged(app: Flask, **values: Any) -> None:
    """Change all invitations in the database."""
    with app.app_context(), transaction(db) as session:
        session.execute(db.update(Invitation).values(**values))


def is_refused(answer: Any) -> bool:
    return (answer.status_code, answer.json["code"]) == (404, "invitation_not_found")


def test_invitation_is_mailed_with_a_link_and_a_code(app: Flask, ada: Person, organization: str) -> None:
    answer = ada.invite(organization, BOB, "admin")

    (mail,) = mails_to(app, BOB)
    assert (answer.status_code, answer.json["status"], answer.json["role"]) == (202, "pending", "admin")
    assert (mail["template"], mail["locale"], mail["account_id"]) == ("organization_invitation", "de", None)
    assert mail["variables"]["organization"] == "Acme"
    assert mail["variables"]["link"].startswith("http://127.0.0.1:8080/join-organization?lang=de#token=")
    assert token_to(app, BOB) not in answer.text
    assert code_to(app, BOB) not in answer.text


@pytest.mark.parametrize("proof", ["token", "code", "id"])
def test_invitation_is_accepted_once(
    app: Flask, ada: Person, bob: Person, organization: str, proof: str
) -> None:
    invitation_id = ada.invite(organization, BOB, "admin").json["id"]
    body = {
        "token": {"token": token_to(app, BOB)},
        "code": {"email": BOB, "code": code_to(app, BOB)},
        "id": {"id": invitation_id},
    }[proof]

    accepted, again = bob.accept(**body), bob.accept(**body)

    assert accepted.status_code == 200
    assert (accepted.json["account_id"], accepted.json["role"]) == (str(bob.id), "admin")
    assert is_refused(again)
    assert roles_in(bob, organization) == {str(ada.id): "owner", str(bob.id): "admin"}
    (shown,) = ada.call("GET", f"{organization}/invitations").json["items"]
    assert shown["status"] == "accepted"


def test_used_invitation_does_not_bring_back_who_has_left(
    app: Flask, ada: Person, bob: Person, organization: str
) -> None:
    add_member(app, ada, organization, bob)
    bob.call("DELETE", f"{organization}/members/{bob.id}")

    assert is_refused(bob.accept(token=token_to(app, BOB)))
    assert str(bob.id) not in roles_in(ada, organization)


def test_lost_answer_to_an_acceptance_is_given_again(
    app: Flask, ada: Person, bob: Person, organization: str
) -> None:
    ada.invite(organization, BOB)
    body, key = {"token": token_to(app, BOB)}, {"Idempotency-Key": "one"}

    first, second = (bob.call("POST", f"{INVITATIONS}/accept", body, **key) for _ in range(2))

    assert (first.status_code, second.status_code, second.json) == (200, 200, first.json)


@pytest.mark.parametrize("end", ["revoked", "expired", "replaced", "declined", "deleted"])
def test_invitation_that_has_ended_is_refused_in_every_form(
    app: Flask, ada: Person, bob: Person, organization: str, end: str
) -> None:
    invitation_id = ada.invite(organization, BOB).json["id"]
    proofs = [{"token": token_to(app, BOB)}, {"email": BOB, "code": code_to(app, BOB)}, {"id": invitation_id}]
    if end == "revoked":
        assert ada.call("DELETE", f"{organization}/invitations/{invitation_id}").status_code == 204
    elif end == "expired":
        aged(app, expires_at=utcnow() - timedelta(seconds=1))
    elif end == "declined":
        assert bob.call("POST", f"{INVITATIONS}/{invitation_id}/decline").status_code == 204
    elif end == "deleted":
        ada.call("DELETE", organization)
    else:
        aged(app, created_at=utcnow() - timedelta(minutes=2))
        ada.invite(organization, BOB)
        if code_to(app, BOB) == proofs[1]["code"]:
            proofs.pop(1)  # one in a million

    assert all(is_refused(bob.accept(**proof)) for proof in proofs)
    assert is_refused(bob.call("POST", f"{INVITATIONS}/{invitation_id}/decline"))
    assert end == "deleted" or str(bob.id) not in roles_in(ada, organization)


def test_worker_deletes_an_invitation_a_month_after_it_has_expired(
    app: Flask, ada: Person, organization: str
) -> None:
    ada.invite(organization, BOB)
    aged(app, expires_at=utcnow() - timedelta(days=31))
    ada.invite(organization, "carol@example.org")
    aged(app, expires_at=func.least(Invitation.expires_at, utcnow() - timedelta(days=29)))

    Housekeeper(app, chores()).tidy()

    with app.app_context():
        assert db.session.scalars(db.select(Invitation.email)).all() == ["carol@example.org"]


def test_invitation_of_another_is_neither_shown_nor_accepted_nor_declined(
    app: Flask, ada: Person, eve: Person, organization: str
) -> None:
    invitation_id = ada.invite(organization, BOB).json["id"]

    assert eve.call("GET", INVITATIONS).json["items"] == []
    assert is_refused(eve.accept(id=invitation_id))
    assert is_refused(eve.accept(token="x" * 43))
    assert is_refused(eve.accept(email="eve@example.org", code=code_to(app, BOB)))
    assert is_refused(eve.call("POST", f"{INVITATIONS}/{invitation_id}/decline"))
    foreign = eve.create("Eve's")
    assert is_refused(eve.call("DELETE", f"{foreign}/invitations/{invitation_id}"))
    assert ada.call("GET", f"{organization}/invitations").json["items"][0]["status"] == "pending"


def test_address_that_is_not_verified_accepts_nothing_by_itself(
    app: Flask, accounts: FakeAccounts, ada: Person, organization: str
) -> None:
    mallory = person(app, accounts, BOB, is_verified=False)
    invitation_id = ada.invite(organization, BOB).json["id"]

    assert mallory.call("GET", INVITATIONS).json["items"] == []
    assert is_refused(mallory.accept(id=invitation_id))


def test_address_counts_as_auth_knows_it_now(
    app: Flask, accounts: FakeAccounts, ada: Person, bob: Person, organization: str
) -> None:
    invitation_id = ada.invite(organization, BOB).json["id"]
    bob.call("GET", "/api/v1/users/me")  # the profile here still has the old address
    accounts.accounts[bob.id] = accounts.accounts[bob.id].model_copy(update={"email": "new@example.org"})

    assert is_refused(bob.accept(id=invitation_id))


def test_whoever_is_invited_sees_what_to(ada: Person, bob: Person, organization: str) -> None:
    made = ada.invite(organization, "Bob@Example.org").json

    (shown,) = bob.call("GET", INVITATIONS).json["items"]

    assert (shown["id"], shown["organization"]["name"], shown["role"]) == (made["id"], "Acme", "member")
    assert set(shown) == {"id", "organization", "role", "created_at", "expires_at"}


def test_code_has_five_tries_and_the_link_still_serves(
    app: Flask, ada: Person, bob: Person, organization: str
) -> None:
    ada.invite(organization, BOB)
    code = code_to(app, BOB)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    for _ in range(5):
        assert is_refused(bob.accept(email=BOB, code=wrong))

    assert is_refused(bob.accept(email=BOB, code=code))
    assert bob.accept(token=token_to(app, BOB)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "a", "id": str(new_id())},
        {"email": BOB},
        {"code": "123456"},
        {"token": "x" * 201},
        {"email": BOB, "code": "12345"},
        {"id": "x"},
    ],
)
def test_unclear_acceptance_is_refused(bob: Person, body: dict[str, str]) -> None:
    assert bob.accept(**body).status_code == 422


def test_invitation_changes_no_member_s_role(app: Flask, ada: Person, organization: str) -> None:
    ada.invite(organization, ada.email, "member")

    accepted = ada.accept(token=token_to(app, ada.email))

    assert (accepted.status_code, accepted.json["role"]) == (200, "owner")
    assert roles_in(ada, organization) == {str(ada.id): "owner"}


@pytest.mark.parametrize("actor", MEMBERS)
def test_nobody_invites_above_their_own_role(
    app: Flask, ada: Person, bob: Person, organization: str, actor: str
) -> None:
    add_member(app, ada, organization, bob, actor)

    allowed = [
        role for role in MEMBERS if bob.invite(organization, f"{role}@example.org", role).status_code == 202
    ]

    assert (
        allowed == {"member": [], "admin": ["member", "admin"], "owner": ["member", "admin", "owner"]}[actor]
    )


def test_second_invitation_within_a_minute_sends_no_second_mail(
    app: Flask, ada: Person, bob: Person, organization: str
) -> None:
    first = ada.invite(organization, BOB).json
    second = ada.invite(organization, BOB, "admin").json

    assert (second["id"], second["role"]) == (first["id"], "admin")
    assert len(mails_to(app, BOB)) == 1
    assert bob.accept(token=token_to(app, BOB)).json["role"] == "admin"


def test_one_account_invites_a_bounded_number_of_people(
    app: Flask, ada: Person, organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app.extensions["doorward_settings"]
    monkeypatch.setitem(
        app.extensions, "doorward_settings", settings.model_copy(update={"invitations_per_day": 2})
    )
    for number in range(2):
        assert ada.invite(organization, f"{number}@example.org").status_code == 202
    ada.call("DELETE", organization)

    refused = ada.invite(ada.create("Next"), "more@example.org")

    assert (refused.status_code, refused.json["code"]) == (429, "invitations_used_up")
    assert int(refused.headers["Retry-After"]) > 0
    assert mails_to(app, "more@example.org") == []


def test_organization_has_a_bounded_number_of_open_invitations(
    ada: Person, organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.users.organizations.invitations.MOST_OPEN", 1)
    ada.invite(organization, BOB)

    assert ada.invite(organization, "other@example.org").json["code"] == "too_many_invitations"


def shape(answer: Any, email: str, ids: dict[str, str]) -> tuple[int, Any]:
    """An answer without what differs from one call to the next: ids and times."""
    if not answer.content_length or not answer.json:
        return answer.status_code, None
    text = answer.text.replace(email, "EMAIL")
    for found, name in ids.items():
        text = text.replace(found, name)
    return answer.status_code, sorted(answer.json), len(text)


def test_no_sequence_of_calls_tells_whether_an_address_has_an_account(
    app: Flask, accounts: FakeAccounts, ada: Person, organization: str
) -> None:
    with_account, member, without = "x1@example.org", "x2@example.org", "x3@example.org"
    person(app, accounts, with_account).call("GET", "/api/v1/users/me")
    add_member(app, ada, organization, person(app, accounts, member))
    aged(app, created_at=utcnow() - timedelta(minutes=2))
    found: dict[str, list[Any]] = {}

    for email in (with_account, member, without):
        before = len(mails_to(app, email))
        answers = [ada.invite(organization, email), ada.invite(organization, email, "admin")]
        invitation_id = answers[0].json["id"]
        answers += [
            ada.accept(email=email, code="000000"),
            ada.call("GET", f"{organization}/invitations?limit=1"),
            ada.call("GET", f"{organization}/events?limit=1"),
            ada.call("DELETE", f"{organization}/invitations/{invitation_id}"),
            ada.call("DELETE", f"{organization}/invitations/{invitation_id}"),
            ada.accept(email=email, code="000000"),
            ada.invite(organization, email),
        ]
        (mail,) = mails_to(app, email)[before:][:1]
        found[email] = [
            *(shape(answer, email, {}) for answer in answers),
            len(mails_to(app, email)) - before,
            {
                name: value
                for name, value in mail.items()
                if name not in {"variables", "to_email", "expires_at"}
            },
            sorted(mail["variables"]),
        ]

    assert found[with_account] == found[member] == found[without]


def test_changes_are_published_with_versions_that_grow(
    app: Flask, ada: Person, bob: Person, organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[Any] = []
    monkeypatch.setattr("services.users.organizations.changes.messages.send", published.append)
    organization_id = UUID(organization.rpartition("/")[2])
    with app.app_context(), transaction(db) as session:
        session.add(
            Invitation(
                id=new_id(), organization_id=organization_id, email=BOB, role="member", token_hash="t",
                code_hash="c", tries_left=5, status="pending", created_at=utcnow(),
                expires_at=utcnow() + timedelta(days=1),
            )
        )  # fmt: skip
    invitation_id = bob.call("GET", INVITATIONS).json["items"][0]["id"]

    bob.accept(id=invitation_id)
    ada.call("PATCH", f"{organization}/members/{bob.id}", {"role": "admin"})
    ada.call("DELETE", f"{organization}/members/{bob.id}")
    ada.call("DELETE", organization)

    shown = [(each.name, each.change, getattr(each, "role", None)) for each in published]
    assert shown == [
        ("membership_changed", "started", "member"),
        ("membership_changed", "changed", "admin"),
        ("membership_changed", "ended", None),
        ("membership_changed", "ended", None),
        ("organization_changed", "deleted", None),
    ]
    versions = [getattr(each, "membership_version", None) or each.organization_version for each in published]
    assert versions == sorted(set(versions))
    assert sent(app, "auth", "nothing") == []
