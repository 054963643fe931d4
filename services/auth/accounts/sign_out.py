"""The use case of signing out everywhere. What lives on afterwards is told by mail."""

from uuid import UUID

from services.auth import audit
from services.auth.accounts import credentials
from services.auth.accounts.credentials import Occasion, Spared
from services.auth.mail import outgoing
from services.auth.models import Account, db
from services.auth.store import accounts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction


def everywhere(account_id: UUID, *, session_id: UUID | None = None) -> None:
    """End every session of the account and forget its devices, but for that of ``session_id``."""
    now = utcnow()
    with transaction(db):
        account = accounts.find_for_update(account_id)
        if account is None:
            return
        spared = Spared(device_id=Spared.own(session_id).device_id)
        report = credentials.end(account_id, Occasion.SIGN_OUT, spared, now)
        living = {name: ", ".join(names) for name, names in report.variables() if names}
        if living:
            _tell(account, living)
        audit.record("signed_out_everywhere", account_id=account_id)


def _tell(account: Account, living: dict[str, str]) -> None:
    outgoing.send_notice("signed_out_everywhere", account, **living)
