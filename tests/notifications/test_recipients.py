"""Name and language of a recipient are those of the profile, in whatever order messages arrive."""

from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest
from flask import Flask

from services.notifications.messages import acceptance
from services.notifications.messages.acceptance import Wanted
from services.notifications.models import Message as Sent
from services.notifications.models import Recipient, TemplateVersion, db
from services.notifications.recipients import recipients
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts import messages
from shared.contracts.messages import Message

ACCOUNT, NOW = new_id(), utcnow()
REGISTERED = messages.AccountRegistered(
    account_id=ACCOUNT, email="ada@example.org", locale="en", occurred_at=NOW
)
VERIFIED = messages.AccountVerified(
    account_id=ACCOUNT, email="ada@example.org", locale="en", occurred_at=NOW + timedelta(seconds=1)
)
FIRST, SECOND = (
    messages.ProfileChanged(
        account_id=ACCOUNT,
        display_name=name,
        locale=locale,
        timezone="UTC",
        profile_version=version,
        occurred_at=NOW,
    )
    for version, name, locale in [(2, "Ada", "fr"), (3, "Neu", "de")]
)
DELETED = messages.AccountDeleted(account_id=ACCOUNT, email="ada@example.org", occurred_at=NOW)
HANDLERS = {
    messages.AccountRegistered: recipients.know,
    messages.AccountVerified: recipients.know,
    messages.ProfileChanged: recipients.know_profile,
    messages.AccountDeleted: recipients.forget,
}


def known(app: Flask, order: tuple[Message, ...]) -> tuple[str | None, str | None, str | None]:
    with app.app_context():
        for message in order:
            with transaction(db):
                HANDLERS[type(message)](message)  # type: ignore[operator]
        row = db.session.get(Recipient, ACCOUNT)
        assert row is not None
        return row.email, row.name, row.locale


@pytest.mark.parametrize("order", list(permutations([REGISTERED, VERIFIED, FIRST, SECOND])))
def test_recipient_is_the_same_in_whatever_order_messages_arrive(
    app: Flask, order: tuple[Message, ...]
) -> None:
    assert known(app, order) == ("ada@example.org", "Neu", "de")


@pytest.mark.parametrize(
    "order", [(DELETED, SECOND), (SECOND, DELETED), (REGISTERED, DELETED, SECOND, VERIFIED)]
)
def test_deleted_account_leaves_neither_name_nor_language(app: Flask, order: tuple[Message, ...]) -> None:
    assert known(app, order) == (None, None, None)


def test_what_a_deleted_account_asked_for_and_wrote_is_nobodys(app: Flask) -> None:
    message = Sent(
        id=new_id(), template="message", locale="en", topic="account", requested_by=ACCOUNT, created_at=NOW
    )
    version = TemplateVersion(
        name="offer",
        number=1,
        content_hash="hash",
        source={},
        is_built_in=False,
        created_by=ACCOUNT,
        created_at=NOW,
    )
    with app.app_context():
        with transaction(db) as session:
            session.add_all([message, version])

        with transaction(db):
            recipients.forget(DELETED)

        left = (
            db.session.scalar(db.select(Sent.requested_by)),
            db.session.scalar(db.select(TemplateVersion.created_by)),
        )
    assert left == (None, None)


def mail(requested_by: UUID | None) -> Wanted:
    """One to the address itself: whoever asks for it knows of no account."""
    return Wanted(
        template="message",
        to_email="Ada@example.org",
        locale="en",
        topic="account",
        variables={"subject": "Hello", "text": "World"},
        requested_by=requested_by,
    )


@pytest.mark.parametrize(
    ("was_proven", "requested_by", "is_left"),
    [(True, None, False), (False, None, True), (True, new_id(), True)],
    ids=["of a service", "to an address that nobody has proven", "of a program"],
)
def test_what_went_to_an_earlier_address_goes_with_the_account(
    app: Flask, was_proven: bool, requested_by: UUID | None, is_left: bool
) -> None:
    moved = messages.EmailChanged(
        account_id=ACCOUNT,
        old_email="ada@example.org",
        new_email="new@example.org",
        was_proven=was_proven,
        occurred_at=NOW + timedelta(seconds=1),
    )
    with app.app_context():
        with transaction(db):
            recipients.know(REGISTERED)
            acceptance.take_wanted(mail(requested_by))
        with transaction(db):
            recipients.know_new_address(moved)
        with transaction(db):
            recipients.forget(DELETED.model_copy(update={"email": "new@example.org"}))

        assert bool(db.session.scalars(db.select(Sent)).all()) is is_left
