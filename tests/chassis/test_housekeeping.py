"""What is no longer needed goes, all of it and nothing else."""

from datetime import timedelta

from sqlalchemy import select

from shared.chassis import housekeeping
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from tests.chassis.conftest import Mini


def test_old_rows_go_and_young_ones_stay(mini: Mini) -> None:
    now = utcnow()
    young = new_id()
    with mini.app.app_context(), transaction(mini.db) as session:
        session.add(mini.inbox_model(message_id=young, handled_at=now - timedelta(days=1)))
        session.add_all(
            mini.inbox_model(message_id=new_id(), handled_at=now - timedelta(days=40)) for _ in range(1200)
        )
    chore = housekeeping.delete_older(
        mini.db, mini.inbox_model, mini.inbox_model.handled_at, timedelta(days=30)
    )

    housekeeping.Housekeeper(mini.app, [chore]).tidy()

    with mini.app.app_context():
        assert mini.db.session.scalars(select(mini.inbox_model.message_id)).all() == [young]


def test_chore_that_fails_does_not_keep_the_others_from_theirs(mini: Mini) -> None:
    done: list[str] = []

    def broken(_now: object) -> int:
        raise RuntimeError

    def sound(_now: object) -> int:
        done.append("sound")
        return 0

    housekeeping.Housekeeper(mini.app, [broken, sound]).tidy()

    assert done == ["sound"]
