"""Leaving, as auth has it: by password or by a fresh session, and what the audit log then still says."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from services.auth.accounts import deletions
from services.auth.models import Account, AuditEvent, Revocation, Session, db
from services.auth.settings import AuthSettings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import ErasureWanted
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_administration import ADA, ask_for_deletion, id_of
from tests.auth.test_introspection import exchange_answer, form, introspect, new_key
from tests.auth.test_sessions import at

TEN_MINUTES = timedelta(minutes=10)
PERSONAL = "ip = NULL, user_agent = NULL, request_id = NULL, credential_id = NULL, actor_id = NULL"


def ask(person: Person, headers: dict[str, str], **body: Any) -> Any:
    content = {"ip": "198.51.100.1", "user_agent": "test", **body}
    return person.client.post(f"/internal/accounts/{id_of(person)}/deletion", json=content, headers=headers)


def session_of(app: Flask, person: Person) -> str:
    items = person.client.get("/api/v1/auth/sessions", headers=person.headers).json["items"]
    return next(item["id"] for item in items if item["current"])


def without_password(app: Flask) -> None:
    with app.app_context(), transaction(db) as session:
        session.execute(db.update(Account).values(password_hash=None))


def events(app: Flask, *wanted: Any) -> list[AuditEvent]:
    with app.app_context():
        found = db.session.scalars(db.select(AuditEvent).where(*wanted).order_by(AuditEvent.id)).all()
        db.session.expunge_all()
        db.session.rollback()
    return list(found)


def test_account_with_a_password_is_not_left_without_it(
    app: Flask, new_account: NewPerson, internal_headers: dict[str, str]
) -> None:
    ada = new_account()

    answer = ask(ada, internal_headers, session_id=session_of(app, ada))

    assert (answer.status_code, answer.json["code"]) == (422, "password_missing")
    assert answer.json["errors"][0]["pointer"] == "/password"


def test_account_without_a_password_is_left_by_a_fresh_session_alone(
    app: Flask, new_account: NewPerson, internal_headers: dict[str, str]
) -> None:
    ada = new_account()
    session_id = session_of(app, ada)
    without_password(app)

    with app.app_context(), transaction(db) as session:
        session.execute(db.update(Session).values(authenticated_at=utcnow() - TEN_MINUTES))
    stale = ask(ada, internal_headers, session_id=session_id)
    with app.app_context(), transaction(db) as session:
        session.execute(db.update(Session).values(authenticated_at=utcnow()))
    unknown = ask(ada, internal_headers, session_id=str(UUID(int=1)))
    none = ask(ada, internal_headers)
    fresh = ask(ada, internal_headers, session_id=session_id)

    assert [answer.json.get("code") for answer in (stale, unknown, none)] == [
        "fresh_sign_in_required",
        "session_revoked",
        "session_revoked",
    ]
    assert fresh.status_code == 200


def test_api_keys_are_suspended_until_the_owner_returns(
    app: Flask,
    admin: Person,
    new_account: NewPerson,
    settings: AuthSettings,
    internal_headers: dict[str, str],
) -> None:
    ada = new_account()
    key = new_key(ada)
    token = exchange_answer(ada, key, settings).json["access_token"]
    ask_for_deletion(ada, internal_headers, PASSWORD)

    asked = exchange_answer(ada, key, settings)
    waiting = [introspect(admin, each)["active"] for each in (key, token)]
    with app.app_context():
        revoked = db.session.scalars(db.select(Revocation.member)).all()
    ada.sign_in()
    returned = exchange_answer(ada, key, settings)

    assert (asked.status_code, asked.json["code"]) == (401, "api_key_unknown")
    assert waiting == [False, False]
    assert f"account:{id_of(ada)}:v2" in revoked  # what gateways refuse the token of before by
    assert introspect(admin, returned.json["access_token"])["active"]
    assert not introspect(admin, token)["active"]


def test_deletion_and_its_end_by_a_sign_in_are_audit_events_and_mails(
    new_account: NewPerson, mailbox: Mailbox, internal_headers: dict[str, str]
) -> None:
    ada = new_account()
    ask_for_deletion(ada, internal_headers, PASSWORD)

    ada.sign_in()

    events = ada.call("GET", "activity").json["items"]
    assert [(event["action"], event["actor_kind"]) for event in events if "deletion" in event["action"]] == [
        ("deletion_cancelled", "account"),
        ("deletion_asked", "account"),
    ]
    mails = [name for name in mailbox.templates(ADA) if name.startswith("account_deletion")]
    assert mails == ["account_deletion", "account_deletion_cancelled"]


def test_suspended_api_key_can_be_revoked(
    new_account: NewPerson, settings: AuthSettings, internal_headers: dict[str, str]
) -> None:
    ada = new_account()
    key = new_key(ada)
    ask_for_deletion(ada, internal_headers, PASSWORD)

    form(ada, "revoke", key)
    ada.sign_in()

    assert exchange_answer(ada, key, settings).status_code == 401


def test_audit_log_forgets_who_is_gone_and_keeps_what_was_done(
    app: Flask, new_account: NewPerson, internal_headers: dict[str, str]
) -> None:
    ada, bob = new_account(), new_account("bob@example.org")
    ada_id = UUID(id_of(ada))
    with app.app_context(), transaction(db):  # what she did to somebody else
        from services.auth import audit

        audit.record("account_disabled", account_id=UUID(id_of(bob)), actor_id=ada_id, reason="hers")
    before = [event.action for event in events(app)]
    ask_for_deletion(ada, internal_headers, PASSWORD)
    with app.app_context(), at(days=15):
        assert deletions.delete_due(utcnow()) == 1

    left = events(app)

    assert [event.action for event in left if event.account_id == ada_id] == ["account_deleted"]
    assert not [event for event in left if event.actor_id == ada_id]
    assert [event.action for event in left][: len(before)] == before
    (done_to_bob,) = [event for event in left if event.details == {"reason": "hers"}]
    assert (str(done_to_bob.account_id), done_to_bob.ip) == (id_of(bob), None)
    assert done_to_bob.actor_kind == "account"


@pytest.mark.parametrize(
    "change",
    [
        f"{PERSONAL}, account_id = NULL",
        f"{PERSONAL}, details = '{{}}'",
        "action = 'nothing'",
        "occurred_at = now()",
    ],
)
@pytest.mark.parametrize("is_gone", [True, False])
def test_audit_log_of_the_living_is_final_and_of_the_gone_loses_only_who(
    app: Flask, new_account: NewPerson, internal_headers: dict[str, str], change: str, is_gone: bool
) -> None:
    ada = new_account()
    if is_gone:
        ask_for_deletion(ada, internal_headers, PASSWORD)
        with app.app_context(), at(days=15):
            deletions.delete_due(utcnow())
    statement = db.text(f"UPDATE audit_events SET {change} WHERE action = 'account_deleted' OR NOT :is_gone")

    with app.app_context():
        if is_gone and change.startswith(PERSONAL):
            assert db.session.execute(statement, {"is_gone": is_gone}).rowcount > 0
        else:
            with pytest.raises(DBAPIError, match="never changed"):
                db.session.execute(statement, {"is_gone": is_gone})
        db.session.rollback()


@pytest.mark.parametrize("is_there", [True, False])
def test_erasure_that_is_wanted_again_deletes_what_a_backup_brought_back(
    app: Flask, new_account: NewPerson, mailbox: Mailbox, is_there: bool
) -> None:
    ada = new_account()
    account_id = UUID(id_of(ada)) if is_there else UUID(int=7)

    with app.app_context(), transaction(db):
        deletions.delete_again(ErasureWanted(account_id=account_id, occurred_at=utcnow()))

    assert len(mailbox.messages("erasure_confirmed")) == 1
    with app.app_context():
        assert (db.session.query(Account).filter_by(email=ADA).count() == 0) is is_there
