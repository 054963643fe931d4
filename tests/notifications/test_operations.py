"""What an operator sees of notifications, and what is done for him now and then, by one worker."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.notifications import housekeeping, periodic
from services.notifications.delivery import reports
from services.notifications.deps import deps
from services.notifications.metrics import BREAKER
from services.notifications.models import db
from services.notifications.periodic import Turn, in_turn
from services.notifications.store import messages as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from tests.mailbox_process import Mailbox
from tests.notifications.scheduled import fill, nodes, plan
from tests.notifications.test_api import MAIL, NOTIFICATIONS, send
from tests.notifications.test_delivery import attempt


def execute(app: Flask, statement: str, **values: Any) -> Any:
    with app.app_context(), transaction(db):
        return db.session.execute(text(statement), values)


def count(app: Flask, table: str) -> int:
    with app.app_context():
        return int(db.session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def test_readiness_shows_how_deliveries_fare(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], mailbox: Mailbox
) -> None:
    empty = client.get("/readyz").json["details"]
    mailbox.chaos(
        reject_rate=1, reject_at="mail", reject_code=550, reject_text="no relay for eve@example.org"
    )
    for _ in range(3):
        attempt(app, send(client, as_sender))
    execute(app, "UPDATE deliveries SET next_attempt_at = now() - interval '1 hour'")
    lost = send(client, as_sender)
    execute(
        app,
        "UPDATE deliveries SET status = 'sending', lease_until = now() - interval '1 s' "
        "WHERE message_id = :id",
        id=lost,
    )
    with app.app_context():
        reports.report()

    details = client.get("/readyz").json["details"]

    assert (empty["workers"], empty["last_sweep_at"], empty["expired_leases"]) == ([], None, 0)
    assert empty["oldest_due_seconds"] == {"urgent": 0, "normal": 0, "bulk": 0}
    assert details["oldest_due_seconds"]["normal"] >= 3600
    assert (details["expired_leases"], details["last_sweep_at"] is not None) == (1, True)
    (worker,) = details["workers"]
    (server,) = worker["servers"]
    assert (server["name"], server["breaker"]) == ("default", "open")
    assert "550" in server["last_error"]
    assert "eve@" not in server["last_error"]
    assert BREAKER.labels("default")._value.get() == 2


def test_worker_that_is_silent_is_not_shown_and_in_the_end_forgotten(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        reports.report()
    execute(app, "UPDATE workers SET seen_at = seen_at - interval '1 minute'")
    silent = client.get("/readyz").json["details"]["workers"]
    with app.app_context():
        kept = reports.forget()
    execute(app, "UPDATE workers SET seen_at = seen_at - interval '1 day'")
    with app.app_context():
        forgotten = reports.forget()

    assert (silent, kept, forgotten) == ([], 0, 1)


def test_worker_that_reports_itself_learns_how_many_share_the_mail_servers(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    with app.app_context():
        monkeypatch.setattr(deps().sender.outlets[0], "share", told.append)
        reports.report()
        execute(app, "INSERT INTO workers SELECT 'another', servers, seen_at FROM workers")
        execute(app, "INSERT INTO workers SELECT name || '0', servers, now() - interval '1 h' FROM workers")

        reports.report()

    assert told == [1, 2]


def test_periodic_work_is_done_by_one_worker_until_its_turn_is_over(app: Flask) -> None:
    one, other = Turn("work", 60), Turn("work", 60)

    with app.app_context():
        turns = [one.take(), other.take(), one.take()]
        execute(app, "UPDATE periodic_work SET next_run_at = now()")
        one.keep()
        kept = other.take()
        execute(app, "UPDATE periodic_work SET next_run_at = now()")
        after_its_death = other.take()

    assert (turns, kept, after_its_death) == ([True, False, False], False, True)


def test_chore_goes_on_within_its_turn_and_another_worker_waits(app: Flask) -> None:
    rows = [2, 1, 0]
    done: list[str] = []

    def chore(name: str) -> Any:
        return in_turn("chore", lambda _now: (done.append(name), rows.pop(0))[1])

    first, second = chore("first"), chore("second")
    with app.app_context():
        found = [first(utcnow()), second(utcnow()), first(utcnow()), first(utcnow()), first(utcnow())]

    assert found == [2, 0, 1, 0, 0]
    assert done == ["first"] * 3


def test_chore_that_fails_waits_for_the_next_turn(app: Flask) -> None:
    def fail(_now: object) -> int:
        raise RuntimeError

    chore = in_turn("chore", fail, seconds=periodic.EVERY_SECONDS)
    with app.app_context():
        with pytest.raises(RuntimeError):
            chore(utcnow())
        again = chore(utcnow())

    assert again == 0


def test_messages_are_found_by_the_words_of_an_answer(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str], mailbox: Mailbox
) -> None:
    mailbox.chaos(
        reject_rate=1, reject_code=550, reject_text="5.1.1 no such user here", only_to="gone@example.org"
    )
    gone = send(client, as_sender, to={"email": "gone@example.org"})
    there = send(client, as_sender)
    for message_id in (gone, there):
        attempt(app, message_id)

    def found(**query: str) -> list[str]:
        items = client.get(NOTIFICATIONS, query_string=query, headers=as_admin).json["items"]
        return [item["id"] for item in items]

    soon = (utcnow() + timedelta(minutes=1)).isoformat()
    assert found(answer="550 user") == found(answer='"no such user"') == [gone]
    assert found(answer="550 unknown") == found(answer="%") == []
    assert found(until=soon) == [there, gone]
    assert found(until=(utcnow() - timedelta(hours=1)).isoformat()) == []
    assert found(answer="550", status="sent") == []


def test_search_by_answer_and_by_template_reads_an_index(app: Flask) -> None:
    fill(app, 3000, status="failed", days=-1)
    execute(
        app,
        "INSERT INTO attempts (delivery_id, number, outcome, detail, started_at, ended_at) "
        "SELECT id, 1, 'failed', 'refused ' || row_number() OVER (), now(), now() FROM deliveries",
    )
    execute(app, "ANALYZE attempts")
    with app.app_context():
        query = store._answered("refused 77").compile(db.engine, compile_kwargs={"literal_binds": True})
        found = plan(text(str(query)), {})

    assert "ix_attempts_detail" in {step.get("Index Name") for step in nodes(found)}


def test_oldest_ended_messages_go_beyond_the_limit(app: Flask) -> None:
    fill(app, 30, status="sent", days=-1)
    execute(app, "UPDATE deliveries SET updated_at = now() - random() * interval '1 day'")
    fill(app, 5)
    newest = "SELECT id FROM deliveries ORDER BY updated_at DESC LIMIT 15"
    with app.app_context():
        wanted = set(db.session.scalars(text(newest)))
        deleted = [housekeeping.delete_beyond(10) for _ in range(2)]
        left = set(db.session.scalars(text("SELECT id FROM deliveries")))

    assert deleted == [20, 0]
    assert left == wanted


def test_key_lives_as_long_as_its_message(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str]
) -> None:
    keyed = {**as_sender, "Idempotency-Key": "one"}
    first = client.post(NOTIFICATIONS, json=MAIL, headers=keyed)
    template = {"name": "welcome", "subject": "s", "text": "t"}
    client.post(f"{NOTIFICATIONS}/templates", json=template, headers={**as_admin, "Idempotency-Key": "two"})
    execute(app, "UPDATE idempotency_keys SET started_at = now() - interval '80 days'")
    with app.app_context():
        deleted = housekeeping.delete_keys(utcnow() - timedelta(days=1))

    again = client.post(NOTIFICATIONS, json=MAIL, headers=keyed)
    other = client.post(NOTIFICATIONS, json={**MAIL, "topic": "other"}, headers=keyed)
    execute(app, "UPDATE deliveries SET status = 'sent', updated_at = now() - interval '91 days'")
    with app.app_context():
        housekeeping.delete_messages(utcnow() - timedelta(days=90))

    assert deleted == 1
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert (count(app, "messages"), count(app, "idempotency_keys")) == (0, 0)


def test_twenty_requests_at_once_with_one_key_make_one_message(
    app: Flask, client: FlaskClient, as_sender: dict[str, str]
) -> None:
    keyed = {**as_sender, "Idempotency-Key": "one"}

    def post(_number: int) -> tuple[int, Any]:
        answer = app.test_client().post(NOTIFICATIONS, json=MAIL, headers=keyed)
        return answer.status_code, answer.json.get("id")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    last = post(20)

    assert {status for status, _ in answers} <= {202, 409}
    assert {made for status, made in answers if status == 202} == {last[1]}
    assert (last[0], count(app, "messages")) == (202, 1)


def test_every_chore_runs_once_for_all_workers(app: Flask) -> None:
    with app.app_context():
        chores = housekeeping.chores(deps().settings)
        found = [chore(utcnow()) for chore in [*chores, *housekeeping.chores(deps().settings)]]

    assert set(found) == {0}
    assert count(app, "periodic_work") == len(chores)
