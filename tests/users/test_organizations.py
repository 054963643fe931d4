"""Organizations and their members: who may do what, and that there is always an owner."""

from uuid import UUID

import pytest
from click.testing import CliRunner
from flask import Flask

from services.users.commands import organizations as commands
from services.users.models import Outbox, db
from services.users.organizations import resync
from shared.chassis.ids import new_id
from tests.users.conftest import FakeAccounts
from tests.users.organizations import INVITATIONS, ORGANIZATIONS, Person, add_member, person, roles_in, sent


@pytest.fixture
def ada(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, "ada@example.org")


@pytest.fixture
def bob(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, "bob@example.org")


@pytest.fixture
def eve(app: Flask, accounts: FakeAccounts) -> Person:
    return person(app, accounts, "eve@example.org")


def test_who_makes_an_organization_owns_it(ada: Person) -> None:
    body = {"name": "Zoë & Söhne", "metadata": {"plan": "team"}}

    made = ada.call("POST", ORGANIZATIONS, body)
    shown = ada.call("GET", f"{ORGANIZATIONS}/{made.json['id']}")
    listed = ada.call("GET", ORGANIZATIONS).json

    assert made.status_code == 201
    assert {name: made.json[name] for name in ("name", "slug", "metadata", "role")} == {
        "name": "Zoë & Söhne",
        "slug": "zoe-sohne",
        "metadata": {"plan": "team"},
        "role": "owner",
    }
    assert shown.json == made.json
    assert listed == {"items": [made.json], "next_cursor": None}


def test_same_request_under_one_key_makes_one_organization(ada: Person) -> None:
    answers = [
        ada.call("POST", ORGANIZATIONS, {"name": "Acme"}, **{"Idempotency-Key": "one"}) for _ in range(2)
    ]

    assert answers[0].json == answers[1].json
    assert len(ada.call("GET", ORGANIZATIONS).json["items"]) == 1


def test_slug_is_unique_where_it_was_chosen_and_made_unique_where_not(ada: Person, bob: Person) -> None:
    ada.create("Acme", slug="acme")

    taken = bob.call("POST", ORGANIZATIONS, {"name": "Acme", "slug": "acme"})
    made = bob.call("POST", ORGANIZATIONS, {"name": "Acme"})

    assert (taken.status_code, taken.json["code"]) == (409, "slug_taken")
    assert made.status_code == 201
    assert made.json["slug"].startswith("acme-")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "Acme", "slug": "No Slug"},
        {"name": "Acme", "slug": "-acme"},
        {"name": "Acme", "slug": "a" * 64},
        {"name": "Acme", "metadata": []},
        {"name": "Acme", "metadata": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}},
        {"name": "Acme", "metadata": {"a": "x" * 20_000}},
        {"name": "Acme", "owner": 1},
    ],
)
def test_bad_organization_is_refused(ada: Person, body: object) -> None:
    assert ada.call("POST", ORGANIZATIONS, body).status_code == 422
    assert ada.call("GET", ORGANIZATIONS).json["items"] == []


def test_admin_renames_and_merges_metadata(app: Flask, ada: Person, bob: Person) -> None:
    organization = ada.create("Acme", metadata={"plan": "team", "seats": 5})
    add_member(app, ada, organization, bob, "admin")

    patch = {"name": "Acme Two", "slug": "acme-2", "metadata": {"seats": None, "region": "eu"}}
    changed = bob.call("PATCH", organization, patch)

    assert changed.status_code == 200
    assert (changed.json["name"], changed.json["slug"], changed.json["role"]) == (
        "Acme Two",
        "acme-2",
        "admin",
    )
    assert changed.json["metadata"] == {"plan": "team", "region": "eu"}


def test_taken_slug_changes_nothing(ada: Person, bob: Person) -> None:
    ada.create("Acme", slug="acme")
    organization = bob.create("Other", slug="other")

    refused = bob.call("PATCH", organization, {"name": "New", "slug": "acme"})

    assert (refused.status_code, refused.json["code"]) == (409, "slug_taken")
    assert bob.call("GET", organization).json["name"] == "Other"


def test_member_reads_and_changes_nothing(app: Flask, ada: Person, bob: Person) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob)

    reads = [bob.call("GET", organization), bob.call("GET", f"{organization}/members")]
    refused = [
        bob.call("PATCH", organization, {"name": "Mine"}),
        bob.call("DELETE", organization),
        bob.call("GET", f"{organization}/events"),
        bob.call("GET", f"{organization}/invitations"),
        bob.invite(organization, "mallory@example.org"),
        bob.call("PATCH", f"{organization}/members/{bob.id}", {"role": "owner"}),
        bob.call("DELETE", f"{organization}/members/{ada.id}"),
        bob.call("POST", f"{organization}/transfer", {"account_id": str(bob.id)}),
        bob.call("DELETE", f"{organization}/invitations/{new_id()}"),
    ]

    assert [answer.status_code for answer in reads] == [200, 200]
    assert {(answer.status_code, answer.json["code"]) for answer in refused} == {
        (403, "organization_role_required")
    }
    assert roles_in(ada, organization) == {str(ada.id): "owner", str(bob.id): "member"}


def test_organization_of_others_looks_like_one_that_does_not_exist(ada: Person, eve: Person) -> None:
    for organization in (ada.create(), f"{ORGANIZATIONS}/{new_id()}"):
        answers = [
            eve.call("GET", organization),
            eve.call("PATCH", organization, {"name": "Mine"}),
            eve.call("DELETE", organization),
            eve.call("GET", f"{organization}/events"),
            eve.call("GET", f"{organization}/members"),
            eve.call("PATCH", f"{organization}/members/{ada.id}", {"role": "member"}),
            eve.call("DELETE", f"{organization}/members/{ada.id}"),
            eve.call("DELETE", f"{organization}/members/{eve.id}"),
            eve.call("POST", f"{organization}/transfer", {"account_id": str(eve.id)}),
            eve.call("GET", f"{organization}/invitations"),
            eve.invite(organization, "eve@example.org"),
            eve.call("DELETE", f"{organization}/invitations/{new_id()}"),
        ]

        assert {(answer.status_code, answer.json["code"]) for answer in answers} == {
            (404, "organization_not_found")
        }


def test_cursor_of_another_organization_s_list_is_refused(app: Flask, ada: Person, bob: Person) -> None:
    mine, other = ada.create("Mine"), ada.create("Other")
    add_member(app, ada, mine, bob)
    cursor = ada.call("GET", f"{mine}/members?limit=1").json["next_cursor"]

    assert ada.call("GET", f"{other}/members?limit=1&cursor={cursor}").status_code == 400
    rest = ada.call("GET", f"{mine}/members?limit=1&cursor={cursor}").json
    assert [item["account_id"] for item in rest["items"]] == [str(bob.id)]


@pytest.mark.parametrize(
    ("actor", "before", "after", "status"),
    [
        ("owner", "member", "owner", 200),
        ("owner", "owner", "member", 200),
        ("admin", "member", "admin", 200),
        ("admin", "admin", "member", 200),
        ("admin", "member", "owner", 403),
        ("admin", "owner", "member", 403),
        ("member", "member", "admin", 403),
    ],
)
def test_nobody_gives_or_takes_a_role_above_their_own(
    app: Flask, ada: Person, bob: Person, eve: Person, actor: str, before: str, after: str, status: int
) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob, actor)
    add_member(app, ada, organization, eve, before)

    answer = bob.call("PATCH", f"{organization}/members/{eve.id}", {"role": after})

    assert answer.status_code == status
    assert roles_in(ada, organization)[str(eve.id)] == (after if status == 200 else before)


@pytest.mark.parametrize(
    ("actor", "target", "status"),
    [("owner", "owner", 204), ("admin", "admin", 204), ("admin", "owner", 403), ("member", "member", 403)],
)
def test_nobody_removes_somebody_above_them(
    app: Flask, ada: Person, bob: Person, eve: Person, actor: str, target: str, status: int
) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob, actor)
    add_member(app, ada, organization, eve, target)

    answer = bob.call("DELETE", f"{organization}/members/{eve.id}")

    assert answer.status_code == status
    assert (str(eve.id) in roles_in(ada, organization)) == (status == 403)
    assert eve.call("GET", organization).status_code == (200 if status == 403 else 404)


def test_member_leaves(app: Flask, ada: Person, bob: Person) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob)

    assert bob.call("DELETE", f"{organization}/members/{bob.id}").status_code == 204
    assert bob.call("GET", organization).status_code == 404
    assert ada.call("DELETE", f"{organization}/members/{bob.id}").json["code"] == "member_not_found"


@pytest.mark.parametrize("others", [0, 1])
def test_last_owner_stays(app: Flask, ada: Person, bob: Person, others: int) -> None:
    organization = ada.create()
    if others:
        add_member(app, ada, organization, bob, "admin")
    own = f"{organization}/members/{ada.id}"

    refused = [ada.call("DELETE", own), ada.call("PATCH", own, {"role": "admin"})]

    assert {(answer.status_code, answer.json["code"]) for answer in refused} == {(409, "last_owner")}
    assert ada.call("PATCH", own, {"role": "owner"}).status_code == 200  # nothing changes
    assert roles_in(ada, organization)[str(ada.id)] == "owner"


def test_owner_hands_the_organization_over(app: Flask, ada: Person, bob: Person, eve: Person) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob)
    transfer = f"{organization}/transfer"

    to_herself = ada.call("POST", transfer, {"account_id": str(ada.id)})
    to_a_stranger = ada.call("POST", transfer, {"account_id": str(eve.id)})
    done = ada.call("POST", transfer, {"account_id": str(bob.id)})

    assert (to_herself.status_code, to_a_stranger.json["code"]) == (422, "member_not_found")
    assert (done.status_code, done.json["role"]) == (200, "owner")
    assert roles_in(bob, organization) == {str(ada.id): "admin", str(bob.id): "owner"}
    assert ada.call("DELETE", f"{organization}/members/{ada.id}").status_code == 204


def test_deleted_organization_is_gone_for_all_its_members(app: Flask, ada: Person, bob: Person) -> None:
    organization = ada.create(slug="acme")
    add_member(app, ada, organization, bob, "admin")

    assert bob.call("DELETE", organization).status_code == 403
    assert ada.call("DELETE", organization).status_code == 204

    assert [who.call("GET", organization).status_code for who in (ada, bob)] == [404, 404]
    assert ada.create(slug="acme")  # the slug is free again


def test_what_was_done_is_in_the_audit_log(app: Flask, ada: Person, bob: Person) -> None:
    organization = ada.create()
    add_member(app, ada, organization, bob)
    ada.call("PATCH", organization, {"name": "Other"})
    ada.call("PATCH", f"{organization}/members/{bob.id}", {"role": "admin"})
    bob.call("DELETE", f"{organization}/members/{bob.id}")

    events = ada.call("GET", f"{organization}/events").json["items"]

    shown = [(each["action"], each["actor_id"], each["account_id"]) for each in reversed(events)]
    a, b = str(ada.id), str(bob.id)
    assert shown == [
        ("organization_created", a, None),
        ("membership_started", a, a),
        ("invitation_created", a, None),
        ("membership_started", b, b),
        ("organization_changed", a, None),
        ("membership_changed", a, b),
        ("membership_ended", b, b),
    ]
    assert events[1]["details"] == {"role": "admin", "before": "member"}
    assert "bob@example.org" not in str(events)


def test_end_of_an_invitation_is_in_the_audit_log(app: Flask, ada: Person, bob: Person) -> None:
    organization = ada.create()
    revoked = ada.invite(organization, "zoe@example.org").json["id"]
    declined = ada.invite(organization, bob.email).json["id"]
    ada.call("DELETE", f"{organization}/invitations/{revoked}")
    bob.call("POST", f"{INVITATIONS}/{declined}/decline")

    events = ada.call("GET", f"{organization}/events").json["items"]

    assert [(each["action"], each["actor_id"], each["details"]) for each in events[:2]] == [
        ("invitation_declined", str(bob.id), {"invitation_id": declined}),
        ("invitation_revoked", str(ada.id), {"invitation_id": revoked}),
    ]


def test_members_are_shown_with_their_names(app: Flask, accounts: FakeAccounts, ada: Person) -> None:
    zoe = person(app, accounts, "zoe@example.org", display_name="Zoë")
    organization = ada.create()
    zoe.call("GET", "/api/v1/users/me")
    add_member(app, ada, organization, zoe)

    items = ada.call("GET", f"{organization}/members").json["items"]

    assert {UUID(item["account_id"]): item["name"] for item in items} == {ada.id: "Ada", zoe.id: "Zoë"}
    assert not any("example.org" in str(item) for item in items)


def test_account_owns_a_bounded_number_of_organizations(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.users.organizations.directory.MOST_OWNED", 2)
    for _ in range(2):
        ada.create()

    assert ada.call("POST", ORGANIZATIONS, {"name": "Acme"}).json["code"] == "too_many_organizations"


def test_all_memberships_are_told_to_auth_again_with_those_that_ended(
    app: Flask, ada: Person, bob: Person, eve: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, gone = ada.create("Acme"), ada.create("Gone")
    add_member(app, ada, acme, bob, "admin")
    add_member(app, ada, acme, eve)
    ada.call("DELETE", f"{acme}/members/{eve.id}")
    ada.call("DELETE", gone)
    with app.app_context():
        db.session.execute(db.delete(Outbox))
        db.session.commit()
    monkeypatch.setattr(commands, "create_app", lambda: app)
    monkeypatch.setattr(resync, "BATCH", 2)

    told = CliRunner().invoke(commands.resync_memberships)

    assert told.output == "Announced 4 memberships.\n"
    assert sent(app, "notifications", "membership_changed") == []
    again = sent(app, "auth", "membership_changed")
    assert {(each["organization_id"] in acme, each["account_id"], each["role"]) for each in again} == {
        (True, str(ada.id), "owner"),
        (True, str(bob.id), "admin"),
        (True, str(eve.id), None),
        (False, str(ada.id), None),
    }
    add_member(app, ada, acme, eve)
    versions = [each["membership_version"] for each in again if each["account_id"] == str(eve.id)]
    assert sent(app, "auth", "membership_changed")[-1]["membership_version"] > versions[0]
