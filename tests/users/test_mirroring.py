"""A profile follows its account in whatever order messages arrive, and nothing brings a deleted one back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.users.departures import erasure
from services.users.errors import ProfileNotFound
from services.users.models import Outbox, Profile, db
from services.users.profiles import mirroring, reading
from services.users.store import profiles as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.sealing import Sealer, message_purpose
from shared.chassis.testing.tokens import SECRET
from shared.contracts import messages
from tests.users.conftest import FakeAccounts, Headers

ME = "/api/v1/users/me"


def registered(account_id: UUID) -> messages.AccountRegistered:
    return messages.AccountRegistered(account_id=account_id, email="ada@example.org", occurred_at=utcnow())


def deleted(account_id: UUID) -> messages.AccountDeleted:
    return messages.AccountDeleted(account_id=account_id, occurred_at=utcnow())


def changed(account_id: UUID) -> messages.RolesChanged:
    return messages.RolesChanged(account_id=account_id, roles=(), occurred_at=utcnow())


def rows(app: Flask) -> list[tuple[str, int]]:
    with app.app_context():
        return [(row.email, row.version) for row in db.session.scalars(db.select(Profile)).all()]


def test_late_messages_do_not_bring_a_deleted_account_back(app: Flask, accounts: FakeAccounts) -> None:
    account = accounts.add()
    with app.app_context():
        for handle, message in [
            (erasure.forget, deleted(account.id)),
            (mirroring.register, registered(account.id)),
            (mirroring.mirror, changed(account.id)),
            (erasure.forget, deleted(account.id)),
        ]:
            with transaction(db):
                handle(message)  # type: ignore[operator]

        with pytest.raises(ProfileNotFound):
            reading.get_own(account.id)

    assert rows(app) == []


def test_message_of_an_account_that_auth_does_not_know_any_more_is_handled(app: Flask) -> None:
    with app.app_context(), transaction(db):
        mirroring.mirror(changed(new_id()))

    assert rows(app) == []


def test_message_that_says_nothing_new_leaves_the_version(
    app: Flask, accounts: FakeAccounts, client: FlaskClient, as_account: Headers
) -> None:
    account = accounts.add()
    headers = as_account(account.id)
    before = client.get(ME, headers=headers)

    with app.app_context(), transaction(db):
        mirroring.mirror(changed(account.id))
    known = client.get(ME, headers={**headers, "If-None-Match": before.headers["ETag"]})
    patched = client.patch(
        ME, headers={**headers, "If-Match": before.headers["ETag"]}, json={"name": "Ada King"}
    )

    assert (known.status_code, patched.status_code) == (304, 200)


@pytest.mark.parametrize("news", [{"email": "new@example.org"}, {"roles": ("admin",)}, {"is_active": False}])
def test_message_that_says_something_new_makes_a_version(
    app: Flask, accounts: FakeAccounts, news: dict[str, object]
) -> None:
    account = accounts.add()
    with app.app_context():
        first = reading.get_own(account.id)
        accounts.accounts[account.id] = account.model_copy(update=news)
        with transaction(db):
            mirroring.mirror(changed(account.id))
        second = reading.get_own(account.id)

    assert second.version == first.version + 1
    shown = [{**orjson.loads(each.content), "updated_at": None} for each in (first, second)]
    assert shown[1] == {**shown[0], **orjson.loads(orjson.dumps(news))}
    assert orjson.loads(second.content)["updated_at"] > orjson.loads(first.content)["updated_at"]


def test_answer_that_says_nothing_new_is_later_than_one_before(app: Flask, accounts: FakeAccounts) -> None:
    account = accounts.add("ada@example.org")
    with app.app_context():
        reading.get_own(account.id)
        asked_early = store.clock()
        with transaction(db):
            mirroring.mirror(changed(account.id))
        moved = account.model_copy(update={"email": "for-a-moment@example.org"})
        with transaction(db):
            assert store.mirror(moved, asked_early, utcnow()) is None

    assert rows(app) == [("ada@example.org", 1)]


@pytest.mark.parametrize("number", range(5))
def test_registration_beside_a_deletion_leaves_no_profile(app: Flask, number: int) -> None:
    account_id, start = new_id(), Barrier(2)

    def handle(name: str) -> None:
        handler, message = {
            "register": (mirroring.register, registered(account_id)),
            "forget": (erasure.forget, deleted(account_id)),
        }[name]
        with app.app_context(), transaction(db):
            start.wait()
            handler(message)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(handle, ["register", "forget"]))

    assert rows(app) == []


def test_first_call_beside_messages_makes_one_profile_with_the_latest_answer(
    app: Flask, accounts: FakeAccounts
) -> None:
    account = accounts.add("old@example.org")
    with app.app_context():
        asked_early = store.clock()
        accounts.accounts[account.id] = account.model_copy(update={"email": "new@example.org"})
        with transaction(db):
            mirroring.mirror(changed(account.id))
        with transaction(db):  # whoever asked before and comes to write only now
            assert store.mirror(account, asked_early, utcnow()) is None
        with transaction(db):
            mirroring.register(registered(account.id))

    assert rows(app) == [("new@example.org", 1)]


def test_answer_that_was_asked_for_later_replaces_an_earlier_one(app: Flask, accounts: FakeAccounts) -> None:
    account = accounts.add("old@example.org")
    with app.app_context(), transaction(db):
        mirroring.register(registered(account.id))
        later = account.model_copy(update={"email": "new@example.org"})
        assert store.mirror(later, store.clock() + timedelta(seconds=1), utcnow()) == 2

    assert rows(app) == [("new@example.org", 2)]


@pytest.mark.parametrize(
    ("patch", "is_told"),
    [
        ({"name": "Neu"}, True),
        ({"locale": "DE"}, True),
        ({"timezone": "Europe/Berlin"}, True),
        ({"name": "Ada"}, False),
        ({"metadata": {"a": 1}}, True),
        ({"avatar_url": "https://pictures.example.org/ada.png"}, True),
        ({"metadata": {}, "locale": "en"}, False),
        ({}, False),
    ],
)
def test_others_are_told_of_what_has_changed_and_of_nothing_else(
    app: Flask,
    client: FlaskClient,
    accounts: FakeAccounts,
    as_account: Headers,
    patch: dict[str, object],
    is_told: bool,
) -> None:
    account = accounts.add(display_name="Ada")

    shown = client.patch(ME, headers=as_account(account.id), json=patch)

    with app.app_context():
        told = db.session.scalars(db.select(Outbox).where(Outbox.subscriber == "auth")).all()
    assert len(told) == is_told
    for row in told:
        body = orjson.loads(Sealer([SECRET], message_purpose("auth")).open(row.sealed))["body"]
        assert (body["display_name"], body["locale"]) == (shown.json["name"], shown.json["locale"])
        assert f'"{body["profile_version"]}"' == shown.headers["ETag"]
        assert body["changed"] == list(patch)
