"""The organization that a session works for: chosen at sign-in or refresh, ended by users' messages."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt
import pytest
from flask import Flask

from services.auth.models import Account, AuditEvent, Revocation, db
from services.auth.tasks import HANDLERS
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import MembershipChanged
from tests.auth.conftest import NewPerson, Person
from tests.auth.test_second_factors import challenge, enable_totp

ORGANIZATION = new_id()
Hear = Callable[..., None]


def claims(pair: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(pair["access_token"], options={"verify_signature": False})
    return found


def org(pair: dict[str, Any]) -> tuple[str, str] | None:
    """The organization in the access token, with the role."""
    found = claims(pair).get("org")
    return (found["id"], found["role"]) if found else None


@pytest.fixture
def ada(new_account: NewPerson) -> Person:
    return new_account()


@pytest.fixture
def hear(app: Flask, ada: Person) -> Hear:
    """A message of users on Ada: ``hear("admin", version=2)``."""

    def take(role: str | None, *, version: int, organization: UUID = ORGANIZATION, **other: Any) -> None:
        message = MembershipChanged(
            organization_id=organization,
            account_id=other.get("account_id", UUID(claims(ada.pair)["sub"])),
            change="ended" if role is None else "changed",
            role=role,
            membership_version=version,
            actor_id=other.get("actor_id"),
            occurred_at=utcnow(),
        )
        with app.app_context(), transaction(db):
            HANDLERS[MembershipChanged](message)

    return take


def version_of(app: Flask) -> int:
    with app.app_context():
        version = db.session.scalar(db.select(Account.version))
        db.session.rollback()
    assert version is not None
    return version


def revoked(app: Flask) -> list[str]:
    with app.app_context():
        members = list(db.session.scalars(db.select(Revocation.member).order_by(Revocation.id)))
        db.session.rollback()
    return [member for member in members if ":v" in member]


def choose(person: Person, organization: UUID | str | None) -> Any:
    return person.post(
        "refresh",
        refresh_token=person.pair["refresh_token"],
        organization_id=None if organization is None else str(organization),
    )


def test_nobody_works_for_an_organization_unasked(ada: Person, hear: Hear) -> None:
    hear("owner", version=1)

    assert org(ada.sign_in().pair) is None
    assert org(ada.refresh().json) is None


def test_organization_is_chosen_at_sign_in_and_stays(ada: Person, hear: Hear) -> None:
    hear("admin", version=1)
    body = {"email": ada.email, "password": ada.password, "organization_id": str(ORGANIZATION)}

    ada.take(ada.post("login", **body))

    assert org(ada.pair) == (str(ORGANIZATION), "admin")
    assert org(ada.take(ada.refresh()).pair) == (str(ORGANIZATION), "admin")


def test_organization_is_chosen_with_the_second_factor(ada: Person, hear: Hear) -> None:
    hear("member", version=1)
    totp, _ = enable_totp(ada)

    answer = ada.post(
        "mfa/verify", mfa_token=challenge(ada), code=totp.now(), organization_id=str(ORGANIZATION)
    )

    assert org(answer.json) == (str(ORGANIZATION), "member")


def test_organization_is_chosen_by_mailed_code(ada: Person, hear: Hear, mailbox: Any) -> None:
    hear("member", version=1)
    ada.post("email-code", email=ada.email)
    body = {"email": ada.email, "code": mailbox.code("sign_in_code", ada.email)}

    answer = ada.post("email-code/verify", **body, organization_id=str(ORGANIZATION))

    assert org(answer.json) == (str(ORGANIZATION), "member")


def test_organization_is_chosen_and_left_at_refresh(ada: Person, hear: Hear) -> None:
    other = new_id()
    hear("member", version=1)
    hear("owner", version=2, organization=other)

    chosen = [org(ada.take(choose(ada, id_)).pair) for id_ in (ORGANIZATION, other, None)]

    assert chosen == [(str(ORGANIZATION), "member"), (str(other), "owner"), None]
    assert org(ada.refresh().json) is None


def test_organization_of_others_is_refused_and_the_refresh_token_serves_as_before(
    ada: Person, hear: Hear
) -> None:
    hear("member", version=1)
    hear(None, version=2)

    for organization in (new_id(), ORGANIZATION):
        refused = choose(ada, organization)
        assert (refused.status_code, refused.json["code"]) == (403, "organization_not_joined")
    login = ada.post("login", email=ada.email, password=ada.password, organization_id=str(new_id()))

    assert (login.status_code, login.json["code"]) == (403, "organization_not_joined")
    assert claims(ada.take(ada.refresh()).pair)["pair"] == 2
    assert choose(ada, "no id").status_code == 422


def test_wrong_password_is_answered_alike_whatever_was_chosen(ada: Person) -> None:
    answers = [
        ada.post("login", email=ada.email, password="wrong", organization_id=organization)
        for organization in (None, str(new_id()))
    ]

    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(401, "invalid_credentials")}


def test_unknown_session_chooses_nothing(app: Flask, ada: Person) -> None:
    with app.app_context(), transaction(db) as session:
        session.execute(db.delete(Account))

    assert choose(ada, None).json["code"] == "session_revoked"


def test_session_that_ends_while_it_chooses_gets_no_token(
    ada: Person, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.auth.sessions import refreshing

    hear("member", version=1)
    choose_ = refreshing.organizations.choose

    def ended_first(session_id: UUID, organization_id: UUID | None) -> Any:
        ada.call("POST", "logout")
        return choose_(session_id, organization_id)

    monkeypatch.setattr(refreshing.organizations, "choose", ended_first)

    assert choose(ada, ORGANIZATION).json["code"] == "session_revoked"


def test_first_membership_ends_no_token(app: Flask, hear: Hear) -> None:
    hear("member", version=1)

    assert (version_of(app), revoked(app)) == (1, [])


@pytest.mark.parametrize("role", ["owner", None])
def test_membership_that_changes_or_ends_ends_older_tokens(
    app: Flask, ada: Person, hear: Hear, role: str | None
) -> None:
    hear("member", version=1)
    ada.take(choose(ada, ORGANIZATION))

    hear(role, version=2)

    assert claims(ada.pair)["ver"] == 1
    assert revoked(app) == [f"account:{claims(ada.pair)['sub']}:v2"]
    ada.take(ada.refresh())
    assert claims(ada.pair)["ver"] == 2
    assert org(ada.pair) == (None if role is None else (str(ORGANIZATION), role))


def test_who_comes_back_is_not_put_into_the_organization_again(ada: Person, hear: Hear) -> None:
    hear("member", version=1)
    ada.take(choose(ada, ORGANIZATION))
    hear(None, version=2)
    hear("member", version=3)

    assert org(ada.take(ada.refresh()).pair) is None
    assert org(choose(ada, ORGANIZATION).json) == (str(ORGANIZATION), "member")


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1), (1, 3, 3, 2)])
def test_latest_membership_stands_in_whatever_order_messages_arrive(
    ada: Person, hear: Hear, order: tuple[int, ...]
) -> None:
    roles = {1: "owner", 2: None, 3: "member"}

    for version in order:
        hear(roles[version], version=version)

    assert org(choose(ada, ORGANIZATION).json) == (str(ORGANIZATION), "member")


def test_message_that_changes_nothing_ends_no_token(app: Flask, hear: Hear) -> None:
    hear("member", version=1)
    hear("member", version=2)

    assert revoked(app) == []


def test_message_on_an_account_that_is_gone_is_handled(app: Flask, hear: Hear) -> None:
    hear("member", version=1, account_id=new_id())

    assert revoked(app) == []


def test_membership_is_in_the_account_s_audit_log(app: Flask, hear: Hear) -> None:
    actor = new_id()

    hear("admin", version=1, actor_id=actor)

    with app.app_context():
        event = db.session.scalars(
            db.select(AuditEvent).where(AuditEvent.action == "membership_changed")
        ).one()
        assert (event.actor_id, event.actor_kind) == (actor, "account")
        assert event.details == {"organization_id": str(ORGANIZATION), "role": "admin"}
        db.session.rollback()


@pytest.mark.parametrize("role", ["admin", None])
def test_membership_that_is_told_again_is_kept_and_is_no_event(
    app: Flask, ada: Person, hear: Hear, role: str | None
) -> None:
    hear("member", version=1)
    hear(role, version=2)
    noted, version = membership_events(app), version_of(app)

    hear(role, version=3)
    hear("member", version=2)

    assert (membership_events(app), version_of(app)) == (noted, version)
    assert choose(ada, ORGANIZATION).status_code == (403 if role is None else 200)


def membership_events(app: Flask) -> int:
    with app.app_context():
        actions = db.session.scalars(db.select(AuditEvent.action)).all()
        db.session.rollback()
    return len([action for action in actions if action.startswith("membership_")])
