"""auth keeps a copy of name and language, which users owns: never an older one than it has."""

import pytest
from flask import Flask

from services.auth.models import Account, db
from services.auth.tasks import HANDLERS
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import ProfileChanged
from tests.auth.conftest import NewPerson


def hear(app: Flask, *versions: int) -> None:
    """Messages of these versions, in this order."""
    with app.app_context():
        account_id = db.session.scalar(db.select(Account.id)) or new_id()
        for version in versions:
            with transaction(db):
                HANDLERS[ProfileChanged](
                    ProfileChanged(
                        account_id=account_id,
                        display_name=f"Name {version}",
                        locale="de",
                        timezone="UTC",
                        profile_version=version,
                        occurred_at=utcnow(),
                    )
                )


@pytest.mark.parametrize("order", [(2, 3), (3, 2), (3, 3, 2), (2, 3, 2)])
def test_latest_version_stands_in_whatever_order_it_arrives(
    app: Flask, new_account: NewPerson, order: tuple[int, ...]
) -> None:
    new_account()

    hear(app, *order)

    with app.app_context():
        account = db.session.scalars(db.select(Account)).one()
        assert (account.display_name, account.locale, account.profile_version) == ("Name 3", "de", 3)


def test_message_on_an_account_that_is_gone_is_handled(app: Flask) -> None:
    hear(app, 2)

    with app.app_context():
        assert db.session.scalars(db.select(Account)).all() == []
