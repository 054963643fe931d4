"""An owner's rights: a copy of all that is held, and then to be forgotten by every service."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from services.auth.accounts import deletions
from services.auth.models import db as auth_db
from services.users.departures import erasure
from services.users.exports import collecting
from shared.chassis.clock import utcnow
from shared.contracts.queues import SERVICES
from tests.together.conftest import Doorward, RecordingSender
from tests.together.test_journey import AUTH, ME, PASSWORD, bearer, post, register

EMAIL = "ada.unmistakable@example.org"
NAME = "Ada Unmistakable"
Apps = tuple[dict[str, Flask], RecordingSender]
# What is left of a deleted account, and why.
LEFT = {
    ("auth", "audit_events"): "the tombstone of the audit log",
    ("auth", "revocations"): "until the last of its access tokens has run out",
    ("users", "tombstones"): "so that no late message brings it back",
    ("users", "erasures"): "who has confirmed",
    ("notifications", "recipients"): "so that no late message brings it back",
    ("notifications", "events"): "that it was deleted, so that a team's services forget it too",
}


@pytest.fixture
def log_lines(doorward_apps: Apps) -> Iterator[StringIO]:
    """What all processes write to their logs, as they write it."""
    root, lines = logging.getLogger(), StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)


async def sign_up(doorward: Doorward) -> dict[str, Any]:
    """Somebody with a name that nothing else has; the pair of tokens."""
    code = await register(doorward, EMAIL)
    pair: dict[str, Any] = await post(
        doorward, f"{AUTH}/verify-email", 200, json={"email": EMAIL, "code": code}
    )
    doorward.work()
    changes = {"name": NAME, "metadata": {"note": NAME}, "public_metadata": {"nick": NAME}}
    answer = await doorward.client.patch(ME, headers=bearer(pair["access_token"]), json=changes)
    assert answer.status_code == 200
    doorward.work()
    return pair


def rows_with(apps: dict[str, Flask], marks: list[str]) -> set[tuple[str, str]]:
    """The tables that have one of the marks in a row, as text."""
    found = set()
    for service in SERVICES:
        db = import_module(f"services.{service}.models").db
        with apps[service].app_context():
            for table in db.metadata.sorted_tables:
                query = db.text(f'SELECT count(*) FROM "{table.name}" AS r WHERE r::text ILIKE ANY (:marks)')
                if db.session.scalar(query, {"marks": [f"%{mark}%" for mark in marks]}):
                    found.add((service, table.name))
            db.session.rollback()
    return found


def forget_the_day(apps: dict[str, Flask]) -> None:
    """Let the day of every deletion come."""
    with apps["auth"].app_context():
        auth_db.session.execute(auth_db.text("UPDATE accounts SET deletes_at = now()"))
        auth_db.session.commit()


def delete_due(apps: dict[str, Flask]) -> int:
    with apps["auth"].app_context():
        return deletions.delete_due(utcnow())


async def test_owner_gets_a_copy_of_what_all_services_hold(doorward: Doorward, doorward_apps: Apps) -> None:
    apps, sender = doorward_apps
    caller = bearer((await sign_up(doorward))["access_token"])

    asked = await post(doorward, f"{ME}/export", 202, headers=caller)
    with apps["users"].app_context():
        for _ in SERVICES:
            assert collecting.collect_next() == 1
    doorward.work()
    copy = (await doorward.client.get(f"{ME}/export/{asked['id']}", headers=caller)).json()

    assert copy["status"] == "ready"
    document = copy["document"]
    assert [row["email"] for row in document["auth"]["accounts"]] == [EMAIL]
    assert {"sessions", "audit_events"} <= set(document["auth"])
    assert document["users"]["profiles"][0]["metadata"] == {"note": NAME}
    assert document["notifications"]["messages"]
    assert sender.newest_to(EMAIL).subject == "The copy of your data is ready"


async def test_nothing_is_left_of_who_has_left_but_tombstones(
    doorward: Doorward, doorward_apps: Apps, redis_url: str, log_lines: StringIO
) -> None:
    apps, sender = doorward_apps
    pair = await sign_up(doorward)
    caller = bearer(pair["access_token"])
    account_id = (await doorward.client.get(ME, headers=caller)).json()["id"]
    marks = [EMAIL, "unmistakable", account_id]

    wrong = await doorward.client.request("DELETE", ME, headers=caller, json={"password": "wrong"})
    right = await doorward.client.request("DELETE", ME, headers=caller, json={"password": PASSWORD})
    doorward.work()
    assert (wrong.status_code, right.status_code) == (401, 202)
    refused = await doorward.client.post(f"{AUTH}/refresh", headers=bearer(pair["refresh_token"]))
    assert refused.json()["code"] == "session_revoked"
    assert sender.newest_to(EMAIL).subject == "Your account will be deleted"
    assert len(rows_with(apps, marks)) > len(LEFT)

    forget_the_day(apps)
    assert delete_due(apps) == 1
    doorward.work()

    assert rows_with(apps, marks) - LEFT.keys() == set()
    assert not rows_with(apps, marks[:2])
    with Redis.from_url(redis_url) as redis:
        names = [key for key in redis.scan_iter() if account_id.encode() in key]
        assert all(redis.ttl(key) > 0 for key in names)
    with apps["users"].app_context():
        assert erasure.follow_up(utcnow() + timedelta(days=1)) == 0  # everybody has confirmed
    logged = log_lines.getvalue()
    assert "message_handled" in logged
    assert [line for line in logged.lower().splitlines() if EMAIL in line or "unmistakable" in line] == []


async def test_signing_in_before_the_day_keeps_the_account(doorward: Doorward, doorward_apps: Apps) -> None:
    apps, sender = doorward_apps
    caller = bearer((await sign_up(doorward))["access_token"])
    answer = await doorward.client.request("DELETE", ME, headers=caller, json={"password": PASSWORD})
    assert answer.status_code == 202
    doorward.work()

    await post(doorward, f"{AUTH}/login", 200, json={"email": EMAIL, "password": PASSWORD})
    doorward.work()
    assert delete_due(apps) == 0

    assert "Your account is kept" in sender.subjects_to(EMAIL)
    assert rows_with(apps, [EMAIL]) >= {("auth", "accounts"), ("users", "profiles")}


@pytest.mark.parametrize("restored", ["auth", "users", "notifications"])
async def test_restored_backup_of_any_service_forgets_again(
    doorward: Doorward, doorward_apps: Apps, restored: str
) -> None:
    apps, _ = doorward_apps
    caller = bearer((await sign_up(doorward))["access_token"])
    account_id = (await doorward.client.get(ME, headers=caller)).json()["id"]
    db = import_module(f"services.{restored}.models").db
    with apps[restored].app_context():
        backup = {
            table: [dict(row) for row in db.session.execute(table.select()).mappings()]
            for table in db.metadata.sorted_tables
            if table.name not in {"inbox", "outbox", "audit_events"}
        }
        db.session.rollback()
    forget_the_day(apps)
    delete_due(apps)
    doorward.work()
    with apps["users"].app_context():
        kept = list(erasure.list_departures())
    with apps[restored].app_context():
        for table in reversed(backup):
            db.session.execute(table.delete())
        for table, rows in backup.items():
            if rows:
                db.session.execute(table.insert(), rows)
        db.session.commit()
    assert rows_with(apps, [EMAIL])

    with apps["users"].app_context():
        assert erasure.replay(kept, progress=lambda _: None) == 1
    doorward.work()

    assert rows_with(apps, [EMAIL, account_id]) - LEFT.keys() == set()
