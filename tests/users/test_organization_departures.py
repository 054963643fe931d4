"""What becomes of organizations when the account of a member is deleted, and what its copy has of them."""

from datetime import timedelta

import orjson
import pytest
from flask import Flask

from services.users.holdings import HOLDINGS
from services.users.models import Invitation, Membership, Organization, OrganizationEvent, db
from shared.chassis import holdings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from tests.users.conftest import FakeAccounts
from tests.users.organizations import Person, add_member, person, roles_in, sent, token_to
from tests.users.test_leaving import deleted

ME = "/api/v1/users/me"
LEAVE = {"password": "a good password"}


@pytest.fixture
def ada(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, "ada@example.org")


@pytest.fixture
def bob(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, "bob@example.org")


@pytest.fixture
def eve(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, "eve@example.org")


def test_only_owner_decides_before_the_account_is_deleted(
    app: Flask, accounts: FakeAccounts, ada: Person, bob: Person
) -> None:
    shared, _own, foreign = ada.create("Shared"), ada.create("Own"), bob.create("Foreign")
    add_member(app, ada, shared, bob, "admin")
    add_member(app, bob, foreign, ada)

    refused = ada.call("DELETE", ME, LEAVE)

    assert (refused.status_code, refused.json["code"]) == (409, "sole_owner")
    assert refused.json["organizations"] == [{"id": shared.rpartition("/")[2], "name": "Shared"}]
    assert accounts.asked_deletions == []
    ada.call("POST", f"{shared}/transfer", {"account_id": str(bob.id)})
    assert ada.call("DELETE", ME, LEAVE).status_code == 202


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
def test_whoever_is_not_the_only_owner_may_go(app: Flask, ada: Person, bob: Person, role: str) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob, role)

    assert bob.call("DELETE", ME, LEAVE).status_code == 202


def test_organization_whose_only_owner_is_deleted_goes_to_the_longest_standing_admin(
    app: Flask, accounts: FakeAccounts, ada: Person, bob: Person, eve: Person
) -> None:
    organization = ada.create()
    zoe = person(app, accounts, "zoe@example.org")
    for who, role, days in ((bob, "member", 9), (eve, "admin", 2), (zoe, "admin", 3)):
        add_member(app, ada, organization, who, role)
        with app.app_context(), transaction(db) as session:
            joined_at = utcnow() - timedelta(days=days)
            session.execute(
                db.update(Membership).where(Membership.account_id == who.id).values(joined_at=joined_at)
            )

    deleted(app, ada.id)
    deleted(app, ada.id)

    assert roles_in(bob, organization) == {str(bob.id): "member", str(eve.id): "admin", str(zoe.id): "owner"}


def test_without_an_admin_the_longest_standing_member_becomes_the_owner(
    app: Flask, ada: Person, bob: Person, eve: Person
) -> None:
    organization = ada.create()
    for who in (bob, eve):
        add_member(app, ada, organization, who)

    deleted(app, ada.id)

    assert roles_in(bob, organization) == {str(bob.id): "owner", str(eve.id): "member"}


def test_nothing_of_a_deleted_account_is_left_in_organizations(
    app: Flask, accounts: FakeAccounts, ada: Person, bob: Person
) -> None:
    alone, shared = bob.create("Alone"), ada.create("Shared")
    add_member(app, ada, shared, bob, "admin")
    bob.invite(shared, "zoe@example.org")
    other = ada.create("Other")
    ada.invite(other, bob.email)
    bob.call("GET", ME)

    deleted(app, bob.id)

    assert roles_in(ada, shared) == {str(ada.id): "owner"}
    with app.app_context():
        ids = {str(id_) for id_ in db.session.scalars(db.select(Organization.id))}
        assert alone.rpartition("/")[2] not in ids
        for model in (Membership, Invitation, OrganizationEvent):
            rows = db.session.execute(db.select(*model.__table__.columns)).all()
            assert not any(str(bob.id) in str(row) or bob.email in str(row) for row in rows), model
        assert db.session.query(Invitation).filter_by(email="zoe@example.org").count() == 1
        db.session.rollback()


def test_deleted_account_does_not_come_back_by_an_invitation_or_make_organizations(
    app: Flask, ada: Person, bob: Person
) -> None:
    organization = ada.create()
    ada.invite(organization, "somebody@example.org")
    bob.call("GET", ME)
    deleted(app, bob.id)

    accepted = bob.accept(token=token_to(app, "somebody@example.org"))
    made = bob.call("POST", "/api/v1/users/organizations", {"name": "Mine"})

    assert (accepted.status_code, made.status_code) == (404, 404)
    assert roles_in(ada, organization) == {str(ada.id): "owner"}


def test_copy_of_what_is_held_has_memberships_and_invitations_and_no_hash(
    app: Flask, ada: Person, bob: Person
) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob)
    bob.call("GET", ME)

    with app.app_context():
        lines = [orjson.loads(line) for line in holdings.lines(db, HOLDINGS, bob.id)][:-1]
        db.session.rollback()

    rows = {line["table"]: line["row"] for line in lines}
    assert rows["memberships"]["role"] == "member"
    assert rows["invitations"]["email"] == bob.email
    assert rows["organization_events"]["action"] == "membership_started"
    assert not any("hash" in name for row in rows.values() for name in row)


def test_other_services_hear_that_memberships_have_ended(app: Flask, ada: Person, bob: Person) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob, "owner")

    deleted(app, bob.id)

    heard = [
        (message["change"], message["role"])
        for message in sent(app, "auth", "membership_changed")
        if message["account_id"] == str(bob.id)
    ]
    assert heard == [("started", "owner"), ("ended", None)]
