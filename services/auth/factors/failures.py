"""Wrong second factors after a right password: noted, and the third of a day told to the owner by mail."""

from datetime import datetime, timedelta
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.mail import outgoing
from services.auth.models import db
from services.auth.store import accounts, audit_events
from shared.chassis.database import transaction

FAILED = "second_factor_failed"
WARNED = "second_factor_warning_sent"
FREE_FAILURES = 2  # a typo, and a code that was over
PERIOD = timedelta(days=1)


def note(account_id: UUID, client: Client, now: datetime) -> None:
    """Note a wrong second factor in a transaction of its own: the try's own is undone."""
    with transaction(db):
        account = accounts.find_for_update(account_id)  # one at a time, so that there is one mail
        if account is None:
            return
        audit.record(FAILED, account_id=account_id, client=client)
        since = now - PERIOD
        if audit_events.count(account_id, FAILED, since=since) <= FREE_FAILURES:
            return
        if audit_events.count(account_id, WARNED, since=since) == 0:
            outgoing.send_warning(FAILED, account, client, now)
            audit.record(WARNED, account_id=account_id, client=client)
