"""Who sees and changes what of a profile: its owner, an administrator, everybody else."""

import pytest
from flask.testing import FlaskClient

from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import access_token, bearer
from tests.users.conftest import FakeAccounts, Headers

USERS = "/api/v1/users"
ME = f"{USERS}/me"


def test_each_metadata_is_shown_to_those_whom_it_is_for(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    ada = accounts.add().id
    own = client.patch(
        ME, headers=as_account(ada), json={"metadata": {"a": "own"}, "public_metadata": {"b": "public"}}
    )
    admin = client.patch(
        f"{USERS}/{ada}", headers=as_account(new_id(), "admin"), json={"admin_metadata": {"c": "admin"}}
    )

    seen = {
        "owner": client.get(ME, headers=as_account(ada)).text,
        "owner, by id": client.get(f"{USERS}/{ada}", headers=as_account(ada)).text,
        "administrator": client.get(f"{USERS}/{ada}", headers=as_account(new_id(), "admin")).text,
        "administrator's list": client.get(USERS, headers=as_account(new_id(), "admin")).text,
        "stranger": client.get(f"{USERS}/{ada}", headers=as_account(new_id())).text,
        "stranger's list": client.get(f"{USERS}?ids={ada}", headers=as_account(new_id())).text,
    }

    assert (own.status_code, admin.status_code) == (200, 200)
    marks = ("own", "public", "admin")
    assert {who: {mark for mark in marks if f'"{mark}"' in text} for who, text in seen.items()} == {
        "owner": {"own", "public"},
        "owner, by id": {"own", "public"},
        "administrator": {"own", "public", "admin"},
        "administrator's list": {"own", "public", "admin"},
        "stranger": {"public"},
        "stranger's list": {"public"},
    }  # fmt: skip


def test_owner_cannot_write_what_is_the_administrators(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    ada = accounts.add().id

    answers = [
        client.patch(ME, headers=as_account(ada, *roles), json={"admin_metadata": {"a": 1}})
        for roles in ((), ("admin",))
    ] + [client.patch(f"{USERS}/{ada}", headers=as_account(ada), json={"admin_metadata": {"a": 1}})]

    assert [answer.status_code for answer in answers] == [422, 422, 403]


@pytest.mark.parametrize("member", ["metadata", "public_metadata", "admin_metadata"])
@pytest.mark.parametrize("content", [{"big": "x" * 20_000}, {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}])
def test_each_metadata_has_the_same_bounds(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, member: str, content: object
) -> None:
    ada = accounts.add().id
    client.get(ME, headers=as_account(ada))

    answer = client.patch(f"{USERS}/{ada}", headers=as_account(new_id(), "admin"), json={member: content})

    assert (answer.status_code, answer.json["code"]) == (422, "metadata_too_large")


def test_administrators_change_obeys_if_match_and_reaches_the_owner_at_once(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    ada = accounts.add().id
    client.get(ME, headers=as_account(ada))
    admin = as_account(new_id(), "admin")
    etag = client.get(f"{USERS}/{ada}", headers=admin).headers["ETag"]

    first, second = (
        client.patch(f"{USERS}/{ada}", headers={**admin, "If-Match": etag}, json={"name": name})
        for name in ("First", "Second")
    )

    assert (first.status_code, second.status_code) == (200, 412)
    assert client.get(ME, headers=as_account(ada)).json["name"] == "First"


def test_administrator_cannot_change_what_auth_owns_or_whom_nobody_knows(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    ada = accounts.add().id
    client.get(ME, headers=as_account(ada))
    admin = as_account(new_id(), "admin")

    statuses = [
        client.patch(f"{USERS}/{ada}", headers=admin, json={"email": "other@example.org"}).status_code,
        client.patch(f"{USERS}/{ada}", headers=admin, json={"roles": ["admin"]}).status_code,
        client.patch(f"{USERS}/{new_id()}", headers=admin, json={"name": "Nobody"}).status_code,
    ]

    assert statuses == [422, 422, 404]


def test_profiles_are_asked_for_by_id_in_order_and_once_each(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    ada, bob = (accounts.add(f"{name}@example.org", display_name=name).id for name in ("ada", "bob"))
    for account_id in (ada, bob):
        client.get(ME, headers=as_account(account_id))
    unknown = new_id()

    answer = client.get(f"{USERS}?ids={bob},{unknown},{ada},{bob}", headers=as_account(new_id()))

    assert answer.json == {
        "items": [
            {"id": str(bob), "name": "bob", "avatar_url": None, "public_metadata": {}},
            {"id": str(ada), "name": "ada", "avatar_url": None, "public_metadata": {}},
        ],
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    "query",
    [
        "ids=",
        "ids=nobody",
        "ids=018f4e5a-0000-7000-8000-000000000000,",
        "ids=" + ",".join(["018f4e5a-0000-7000-8000-000000000000"] * 101),
        "ids=018f4e5a-0000-7000-8000-000000000000&q=a",
        "ids=018f4e5a-0000-7000-8000-000000000000&limit=1",
    ],
)
def test_ids_that_cannot_be_answered_are_refused(
    client: FlaskClient, as_account: Headers, query: str
) -> None:
    answer = client.get(f"{USERS}?{query}", headers=as_account(new_id(), "admin"))

    assert (answer.status_code, answer.json["errors"][0]["pointer"].startswith("/query/ids")) == (422, True)


@pytest.mark.parametrize(
    ("roles", "scope", "by_ids", "listed"),
    [
        ((), None, 200, "role_required"),
        (("admin",), None, 200, None),
        ((), "account", 200, "role_required"),
        ((), "orders:read", "scope_required", "scope_required"),
        (("admin",), "admin", 200, None),
    ],
)
def test_list_is_for_administrators_and_ids_for_everybody_signed_in(
    client: FlaskClient, roles: tuple[str, ...], scope: str | None, by_ids: object, listed: str | None
) -> None:
    headers = bearer(access_token(new_id(), roles=roles, claims={"scope": scope}))

    answers = [client.get(path, headers=headers) for path in (f"{USERS}?ids={new_id()}", USERS)]

    assert [answer.json.get("code", answer.status_code) for answer in answers] == [by_ids, listed or 200]
