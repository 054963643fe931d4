"""What runs many times a second reads what is due and nothing else, however much waits beside it."""

from flask import Flask

from services.notifications.models import db
from services.notifications.store import messages as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from tests.notifications.scheduled import fill, plans, rows_read, scans


def test_scheduled_rows_cost_nothing_until_they_are_due(app: Flask) -> None:
    fill(app, 20_000)

    with app.app_context():
        found = plans()

    assert {name: rows_read(plan) for name, plan in found.items()} == {"due": 0, "lost": 0, "claim": 0}
    assert "Seq Scan" not in scans(found)


def test_claim_reads_its_batch_and_not_all_that_is_due(app: Flask) -> None:
    fill(app, 20_000, status="queued", days=-1)

    with app.app_context():
        found = plans()

    assert rows_read(found["due"]) == 1
    assert rows_read(found["claim"]) <= 4 * 50


def test_chores_on_ended_messages_pass_over_those_that_are_done_with(app: Flask) -> None:
    fill(app, 2000, status="sent", days=-1)

    with app.app_context():
        with transaction(db):
            erased = [store.erase_old_content(utcnow(), 1500) for _ in range(3)]
        with transaction(db):
            deleted = [store.delete_old(utcnow(), 1500) for _ in range(3)]

    assert (erased, deleted) == ([1500, 500, 0], [1500, 500, 0])
