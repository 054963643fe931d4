"""An owner's rights: a copy of all that is held, and then to be forgotten by every service."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from redis import Redis

from services.auth.accounts import deletions
from services.auth.models import db as auth_db
from services.users.departures import erasure
from shared.chassis.clock import utcnow
from shared.contracts.queues import SERVICES
from shared.contracts.tokens import REVOCATION_SET
from tests import traces
from tests.together.conftest import Doorward, RecordingSender
from tests.together.full_account import EMAIL, MARK, NAME, NEW_EMAIL, export, fill, sign_up
from tests.together.test_journey import AUTH, ME, PASSWORD, bearer, post

Apps = tuple[dict[str, Flask], RecordingSender]
# Where the name or an address of a full account is written before it leaves.
WITH_NAME = {
    "auth.accounts",
    "auth.api_keys",
    "auth.email_undos",
    "notifications.deliveries",
    "notifications.recipients",
    "users.invitations",
    "users.organizations",
    "users.profiles",
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


def rows_with(apps: dict[str, Flask], marks: list[str]) -> set[str]:
    """The tables that have one of the marks in a row."""
    found = set()
    for service in SERVICES:
        url = apps[service].extensions["doorward_settings"].database_url.get_secret_value()
        with psycopg.connect(url) as connection:
            found |= {f"{service}.{table}" for table in traces.in_tables(connection, marks)}
    return found


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def forget_the_day(apps: dict[str, Flask]) -> None:
    """Let the day of the account's deletion come."""
    day = auth_db.text("UPDATE accounts SET deletes_at = now() WHERE email IN (:first, :second)")
    with apps["auth"].app_context():
        auth_db.session.execute(day, {"first": EMAIL, "second": NEW_EMAIL})
        auth_db.session.commit()


def delete_due(apps: dict[str, Flask]) -> int:
    with apps["auth"].app_context():
        return deletions.delete_due(utcnow())


async def test_owner_gets_a_copy_of_what_all_services_hold(doorward: Doorward, doorward_apps: Apps) -> None:
    apps, sender = doorward_apps
    caller = bearer((await sign_up(doorward))["access_token"])

    export_id = await export(doorward, apps, caller)
    copy = (await doorward.client.get(f"{ME}/export/{export_id}", headers=caller)).json()

    assert copy["status"] == "ready"
    document = copy["document"]
    assert [row["email"] for row in document["auth"]["accounts"]] == [EMAIL]
    assert {"sessions", "audit_events"} <= set(document["auth"])
    assert document["users"]["profiles"][0]["metadata"] == {"note": NAME}
    assert document["notifications"]["messages"]
    assert sender.newest_to(EMAIL).subject == "The copy of your data is ready"


async def test_nothing_is_left_of_who_has_left_but_tombstones(
    doorward: Doorward, doorward_apps: Apps, redis_url: str, log_lines: StringIO, avatar_folder: Path
) -> None:
    apps, sender = doorward_apps
    pair = await sign_up(doorward)
    caller = await fill(doorward, apps, pair)
    account_id = (await doorward.client.get(ME, headers=caller)).json()["id"]
    ids = traces.forms_of(account_id)
    assert rows_with(apps, [MARK]) == WITH_NAME
    assert len(rows_with(apps, ids)) > len(traces.KEPT)
    assert files_in(avatar_folder)

    wrong = await doorward.client.request("DELETE", ME, headers=caller, json={"password": "wrong"})
    right = await doorward.client.request("DELETE", ME, headers=caller, json={"password": PASSWORD})
    doorward.work()
    assert (wrong.status_code, right.status_code) == (401, 202)
    refused = await doorward.client.post(f"{AUTH}/refresh", headers=bearer(pair["refresh_token"]))
    assert refused.json()["code"] == "session_revoked"
    assert sender.newest_to(NEW_EMAIL).subject == "Your account will be deleted"

    forget_the_day(apps)
    assert delete_due(apps) == 1
    doorward.work()

    assert rows_with(apps, [MARK]) == set()
    assert rows_with(apps, ids) == traces.KEPT
    with Redis.from_url(redis_url) as redis:
        assert traces.in_redis(redis, [MARK]) == set()
        kept = traces.in_redis(redis, ids)
        assert [key for key in kept if not traces.is_kept_in_redis(key)] == []
        assert all(redis.ttl(key) > 0 for key in kept if key != REVOCATION_SET)
    assert files_in(avatar_folder) == []
    with apps["users"].app_context():
        assert erasure.follow_up(utcnow() + timedelta(days=1)) == 0  # everybody has confirmed
    logged = log_lines.getvalue()
    assert "message_handled" in logged
    assert [line for line in logged.lower().splitlines() if MARK in line] == []


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
    assert rows_with(apps, [EMAIL]) >= {"auth.accounts", "users.profiles"}


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

    assert rows_with(apps, [MARK, account_id]) - traces.KEPT == set()
