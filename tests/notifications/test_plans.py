"""What runs many times a second reads what is due and nothing else, however much waits beside it.

Nor does the deletion of an account read the messages of others.
"""

from collections.abc import Iterator
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from services.notifications.models import Message, db
from services.notifications.store import messages as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from tests.notifications.scheduled import fill, filled_for_now, plans, rows_read, scans

ASKED = text(
    "UPDATE messages SET requested_by = :account_id"
    " WHERE id IN (SELECT id FROM messages WHERE requested_by IS NULL LIMIT :number)"
)
SEEN = text(
    "SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables"
    " WHERE relname IN ('messages', 'deliveries', 'attempts', 'idempotency_keys')"
)


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


@pytest.mark.usefixtures("context")
def test_deletion_of_an_account_reads_no_table_from_end_to_end() -> None:
    account_id = new_id()
    with filled_for_now(20_000, status="sent", days=-1):
        ask_for(new_id(), 5000)
        ask_for(account_id, 3)
        db.session.execute(text("ANALYZE messages"))
        before = db.session.execute(SEEN).all()

        store.forget_account(account_id, "ada@example.org")

        assert db.session.execute(SEEN).all() == before
        assert db.session.scalars(select(Message.id).filter_by(requested_by=account_id)).all() == []


def ask_for(account_id: UUID, number: int) -> None:
    """Have the account have asked for so many of the messages."""
    db.session.execute(ASKED, {"account_id": account_id, "number": number})
