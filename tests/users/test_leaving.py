"""Leaving: asked for at auth, erased here, followed up until every service has confirmed."""

import json
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from services.users.commands import deletions as commands
from services.users.departures import erasure
from services.users.models import Erasure, Outbox, Profile, Tombstone, db
from shared.chassis import errors
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import access_token, bearer
from shared.contracts import messages, queues
from tests.users.conftest import FakeAccounts, Headers

ME = "/api/v1/users/me"
LATER = timedelta(hours=2)


def deleted(app: Flask, account_id: UUID, at: datetime | None = None) -> None:
    with app.app_context(), transaction(db):
        erasure.forget(messages.AccountDeleted(account_id=account_id, occurred_at=at or utcnow()))


def confirm(app: Flask, account_id: UUID, service: str) -> None:
    message = messages.ErasureConfirmed(account_id=account_id, service=service, occurred_at=utcnow())
    with app.app_context(), transaction(db):
        erasure.take_confirmation(message)


def follow_up(app: Flask) -> int:
    with app.app_context():
        return erasure.follow_up(utcnow() + LATER)


def asked(app: Flask) -> list[tuple[str, str]]:
    """Who has been asked by messages."""
    with app.app_context():
        rows = db.session.execute(db.select(Outbox.name, Outbox.subscriber)).all()
        db.session.rollback()
    return sorted((row.name, row.subscriber) for row in rows if row.name == "erasure_wanted")


def unconfirmed(app: Flask) -> set[str]:
    with app.app_context():
        found = set(db.session.scalars(db.select(Erasure.service).where(Erasure.confirmed_at.is_(None))))
        db.session.rollback()
    return found


def test_who_asks_to_leave_is_told_the_day_by_auth(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    account_id = accounts.add().id

    answer = client.delete(ME, headers=as_account(account_id), json={"password": "a good password"})

    assert (answer.status_code, set(answer.json)) == (202, {"deletes_at"})
    ((asked_for, body),) = accounts.asked_deletions
    assert (asked_for, body.password, body.ip) == (account_id, "a good password", "127.0.0.1")


def test_account_without_a_password_is_left_by_its_session(
    client: FlaskClient, accounts: FakeAccounts
) -> None:
    account_id, session_id = accounts.add().id, new_id()
    headers = bearer(access_token(account_id, claims={"sid": str(session_id)}))

    answer = client.delete(ME, headers=headers, json={})

    ((_, body),) = accounts.asked_deletions
    assert (answer.status_code, body.password, body.session_id) == (202, None, session_id)


@pytest.mark.parametrize("call", ["leave", "first sight"])
@pytest.mark.parametrize(
    "refusal",
    [
        errors.Unauthorized(),
        errors.Forbidden(),
        errors.Conflict(),
        errors.InvalidRequest.at("/password", "Too short."),
        errors.TooManyRequests(retry_after_seconds=77),
        errors.Unavailable(headers={"Retry-After": "9"}),
    ],
    ids=lambda refusal: str(refusal.status),
)
def test_what_auth_refuses_reaches_whoever_asked(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, call: str, refusal: errors.ApiError
) -> None:
    headers = as_account(accounts.add().id)
    if call == "leave":
        client.get(ME, headers=headers)
    accounts.refusal = refusal

    asked = {"leave": ("DELETE", {"password": "p"}), "first sight": ("PATCH", {"name": "Ada"})}[call]
    answer = client.open(ME, method=asked[0], headers=headers, json=asked[1])

    assert (answer.status_code, answer.json["code"]) == (refusal.status, refusal.code)
    assert answer.headers.get("Retry-After") == refusal.headers.get("Retry-After")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"password": "wrong"}, 401),
        ({"password": 7}, 422),
        ({"password": ""}, 422),
        ({"other": 1}, 422),
        ([], 422),
    ],
)
def test_bad_wish_to_leave_changes_nothing(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers, body: object, status: int
) -> None:
    headers = as_account(accounts.add().id)

    assert client.delete(ME, headers=headers, json=body).status_code == status
    assert client.get(ME, headers=headers).status_code == 200


def test_service_that_does_not_confirm_is_asked_again_until_it_does(app: Flask) -> None:
    account_id = new_id()
    deleted(app, account_id)
    confirm(app, account_id, "auth")
    assert unconfirmed(app) == {"notifications"}

    assert follow_up(app) == 1
    assert asked(app) == [("erasure_wanted", "auth"), ("erasure_wanted", "notifications")]
    confirm(app, account_id, "notifications")

    assert (unconfirmed(app), follow_up(app)) == (set(), 0)


def test_nobody_is_asked_again_too_soon(app: Flask) -> None:
    deleted(app, new_id())

    with app.app_context():
        assert erasure.follow_up(utcnow()) == 0
    assert follow_up(app) == 1
    assert follow_up(app) == 0  # asked as of that later moment


@pytest.mark.parametrize("first", ["confirmation", "deletion"])
def test_confirmation_may_come_before_the_deletion_and_both_twice(app: Flask, first: str) -> None:
    account_id = new_id()
    for _ in range(2):
        if first == "deletion":
            deleted(app, account_id)
        for service in ("auth", "notifications"):
            confirm(app, account_id, service)
        deleted(app, account_id)

    assert (unconfirmed(app), follow_up(app)) == (set(), 0)


@pytest.mark.parametrize("lost", queues.SERVICES)
def test_erasure_is_complete_whichever_confirmation_is_lost(app: Flask, lost: str) -> None:
    account_id = new_id()
    if lost == "users":  # its worker died in the middle: nothing of it was stored
        with app.app_context():
            erasure.forget(messages.AccountDeleted(account_id=account_id, occurred_at=utcnow()))
            db.session.rollback()
    deleted(app, account_id)
    for service in {"auth", "notifications"} - {lost}:
        confirm(app, account_id, service)

    follow_up(app)
    for service in ("auth", "notifications"):
        confirm(app, account_id, service)

    assert unconfirmed(app) == set()


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command of `doorward deletions`."""
    monkeypatch.setattr(commands, "create_app", lambda: app)

    def invoke(*arguments: object, exit_code: int = 0) -> str:
        result = CliRunner().invoke(commands.deletions, [str(argument) for argument in arguments])
        assert result.exit_code == exit_code, result.output
        return result.output

    return invoke


def test_restored_backup_forgets_again_who_was_deleted_since(
    app: Flask,
    accounts: FakeAccounts,
    client: FlaskClient,
    as_account: Headers,
    run: Callable[..., str],
    tmp_path: Path,
) -> None:
    ada, bob = accounts.add("ada@example.org"), accounts.add("bob@example.org")
    for account in (ada, bob):
        client.get(ME, headers=as_account(account.id))
    kept = tmp_path / "deletions.ndjson"
    deleted(app, ada.id)
    run("export", kept)
    with app.app_context(), transaction(db) as session:  # a backup from before brings all of it back
        for model in (Tombstone, Erasure, Outbox):
            session.execute(db.delete(model))
        session.execute(
            db.insert(Profile).values(
                id=ada.id, email=ada.email, locale="en", created_at=utcnow(), updated_at=utcnow()
            )
        )

    for _ in range(2):
        assert "Deleted 1 accounts again" in run("replay", kept)

    with app.app_context():
        assert db.session.scalars(db.select(Profile.id)).all() == [bob.id]
        assert db.session.scalars(db.select(Tombstone.account_id)).all() == [ada.id]
        db.session.rollback()
    assert set(asked(app)) == {("erasure_wanted", "auth"), ("erasure_wanted", "notifications")}
    assert unconfirmed(app) == {"auth", "notifications"}


def test_list_of_deletions_is_its_owner_s_and_holds_nothing_but_ids_and_days(
    app: Flask, run: Callable[..., str], tmp_path: Path
) -> None:
    account_id = new_id()
    deleted(app, account_id)
    kept = tmp_path / "deletions.ndjson"

    run("export", kept)
    run("export", kept, exit_code=2)
    run("export", kept, "--overwrite")

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    (line,) = [json.loads(each) for each in kept.read_bytes().splitlines()]
    assert (line["account_id"], set(line)) == (str(account_id), {"account_id", "deleted_at"})


@pytest.mark.parametrize(
    "line", ["nothing", "{}", '{"account_id": "x", "deleted_at": "2026-01-01T00:00:00Z"}', "[]"]
)
def test_list_that_cannot_be_read_does_nothing(
    app: Flask, run: Callable[..., str], tmp_path: Path, line: str
) -> None:
    account_id = new_id()
    file = tmp_path / "deletions.ndjson"
    good = json.dumps({"account_id": str(account_id), "deleted_at": "2026-01-01T00:00:00Z"})
    file.write_text(f"{good}\n{line}\n")

    assert "line 2" in run("replay", file, exit_code=1)
    with app.app_context():
        assert db.session.scalars(db.select(Tombstone)).all() == []
