"""`/api/v1/users`: other people's profiles, and what messages do to them."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.users.departures import erasure
from services.users.models import Profile, db
from services.users.profiles import mirroring
from services.users.tasks import HANDLERS
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts import messages, queues
from tests.users.conftest import FakeAccounts, Headers

USERS = "/api/v1/users"


def register(app: Flask, email: str, name: str | None = None) -> UUID:
    message = messages.AccountRegistered(
        account_id=new_id(), email=email, display_name=name, occurred_at=utcnow()
    )
    with app.app_context(), transaction(db):
        mirroring.register(message)
    return message.account_id


def test_every_subscription_of_users_has_a_handler() -> None:
    subscribed = {kind for kind, services in queues.SUBSCRIBERS.items() if "users" in services}

    assert set(HANDLERS) == subscribed


def test_stranger_sees_the_public_fields_and_no_more(
    app: Flask, client: FlaskClient, as_account: Headers
) -> None:
    account_id = register(app, "ada@example.org", "Ada")

    answer = client.get(f"{USERS}/{account_id}", headers=as_account(new_id()))

    assert answer.json == {"id": str(account_id), "name": "Ada", "avatar_url": None, "public_metadata": {}}


@pytest.mark.parametrize("roles", [("admin",), ()])
def test_owner_and_administrator_see_the_whole_profile(
    app: Flask, client: FlaskClient, as_account: Headers, roles: tuple[str, ...]
) -> None:
    account_id = register(app, "ada@example.org", "Ada")
    who = new_id() if roles else account_id

    answer = client.get(f"{USERS}/{account_id}", headers=as_account(who, *roles))

    assert answer.json["email"] == "ada@example.org"


def test_unknown_profile_answers_404(client: FlaskClient, as_account: Headers) -> None:
    answer = client.get(f"{USERS}/{new_id()}", headers=as_account(new_id()))

    assert (answer.status_code, answer.json["code"]) == (404, "profile_not_found")


def test_only_administrators_list(client: FlaskClient, as_account: Headers) -> None:
    answer = client.get(USERS, headers=as_account(new_id()))

    assert (answer.status_code, answer.json["code"]) == (403, "role_required")


def test_pages_hold_every_profile_once(app: Flask, client: FlaskClient, as_account: Headers) -> None:
    wanted = [str(register(app, f"user{number}@example.org")) for number in range(7)]
    headers = as_account(new_id(), "admin")

    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 3, "sort": "created_at", **({"cursor": cursor} if cursor else {})}
        page = client.get(USERS, headers=headers, query_string=query).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == wanted


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_list_is_in_the_order_of_registration_and_not_of_ids(
    app: Flask, client: FlaskClient, as_account: Headers, sort: str
) -> None:
    ids = [register(app, f"user{number}@example.org") for number in range(7)]
    with app.app_context(), transaction(db) as session:
        for number, account_id in enumerate(ids):  # as an import makes them; some at one moment
            moment = utcnow() - timedelta(days=number // 2)
            session.execute(
                db.update(Profile)
                .where(Profile.id == account_id)
                .values(created_at=moment.replace(hour=0, minute=0, second=0, microsecond=5))
            )
        rows = session.execute(db.select(Profile.created_at, Profile.id)).all()
    wanted = [str(row.id) for row in sorted(rows, reverse=sort.startswith("-"))]

    seen: list[str] = []
    query: dict[str, object] = {"limit": 2, "sort": sort}
    while query.get("cursor", "") is not None:
        page = client.get(USERS, headers=as_account(new_id(), "admin"), query_string=query).json
        seen += [item["id"] for item in page["items"]]
        query["cursor"] = page["next_cursor"]

    assert seen == wanted


@pytest.mark.parametrize(
    "other",
    [{"sort": "-created_at"}, {"sort": "created_at", "q": "a"}, {"sort": "created_at", "is_active": "true"}],
)
def test_cursor_of_another_query_answers_400(
    app: Flask, client: FlaskClient, as_account: Headers, other: dict[str, str]
) -> None:
    for number in range(3):
        register(app, f"user{number}@example.org")
    headers = as_account(new_id(), "admin")
    first = client.get(USERS, headers=headers, query_string={"limit": 1, "sort": "created_at"})

    cursor = first.json["next_cursor"]
    answer = client.get(USERS, headers=headers, query_string={**other, "limit": 1, "cursor": cursor})

    assert (answer.status_code, answer.json["code"]) == (400, "cursor_of_another_query")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "ADA"}, ["ada@example.org"]),
        ({"q": "%"}, []),
        ({"q": "_da"}, []),
        ({"email": "Bob@Example.org"}, ["bob@example.org"]),
        ({"email": "eve@straße.de"}, ["eve@xn--strae-oqa.de"]),
        ({"email": "EVE@xn--strae-oqa.de"}, ["eve@xn--strae-oqa.de"]),
        ({"q": "eve@Straße.de"}, ["eve@xn--strae-oqa.de"]),
        ({"q": "\ufeffEve@xn--strae-oqa.de"}, ["eve@xn--strae-oqa.de"]),
        ({"is_active": "false"}, []),
        ({"created_after": "2999-01-01T00:00:00Z"}, []),
    ],
)
def test_filters_narrow_the_list(
    app: Flask, client: FlaskClient, as_account: Headers, query: dict[str, str], expected: list[str]
) -> None:
    register(app, "ada@example.org", "Ada")
    register(app, "bob@example.org", "Bob")
    register(app, "eve@xn--strae-oqa.de", "Bob's sister")

    answer = client.get(USERS, headers=as_account(new_id(), "admin"), query_string=query)

    assert [item["email"] for item in answer.json["items"]] == expected


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"cursor": "!!"}, {"sort": "roles"}, {"nope": "1"}]
)
def test_bad_queries_answer_422(client: FlaskClient, as_account: Headers, query: dict[str, str]) -> None:
    answer = client.get(USERS, headers=as_account(new_id(), "admin"), query_string=query)

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"].startswith("/query/")


def test_message_makes_the_profile_take_over_what_auth_says(
    app: Flask, client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    account = accounts.add("ada@example.org")
    headers = as_account(account.id)
    client.get(f"{USERS}/me", headers=headers)
    changes = {"email": "new@example.org", "roles": ("admin",)}
    accounts.accounts[account.id] = account.model_copy(update=changes)

    with app.app_context(), transaction(db):
        changed = messages.RolesChanged(account_id=account.id, roles=(), occurred_at=utcnow())
        mirroring.mirror(changed)

    shown = client.get(f"{USERS}/me", headers=headers).json
    assert (shown["email"], shown["roles"]) == ("new@example.org", ["admin"])


def test_deleted_account_leaves_no_profile(app: Flask, client: FlaskClient, as_account: Headers) -> None:
    account_id = register(app, "ada@example.org")
    client.get(f"{USERS}/{account_id}", headers=as_account(account_id))

    with app.app_context(), transaction(db):
        erasure.forget(messages.AccountDeleted(account_id=account_id, occurred_at=utcnow()))

    answer = client.get(f"{USERS}/{account_id}", headers=as_account(account_id))
    assert answer.status_code == 404
