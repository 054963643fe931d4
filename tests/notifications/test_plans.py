"""What runs many times a second reads what is due and nothing else, however much waits beside it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from services.notifications.models import db
from services.notifications.store import messages as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from tests.notifications.scheduled import fill, filled_for_now, plans, rows_read, scans


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.mark.usefixtures("context")
def test_million_scheduled_rows_cost_nothing_until_they_are_due() -> None:
    with filled_for_now(1_000_000, status="scheduled", days=30):
        found = plans()
        rows = db.session.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'deliveries'"))

    assert rows == pytest.approx(1_000_000, rel=0.1)  # what PostgreSQL believes while it plans
    assert {name: rows_read(plan) for name, plan in found.items()} == {"due": 0, "lost": 0, "claim": 0}
    assert "Seq Scan" not in scans(found)


@pytest.mark.usefixtures("context")
def test_claim_reads_its_batch_and_not_all_that_is_due() -> None:
    with filled_for_now(20_000, status="queued", days=-1):
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
