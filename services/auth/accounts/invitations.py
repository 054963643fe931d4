"""The use case of making an account for somebody else, who is invited by mail to choose a password."""

from uuid import UUID

from services.auth import audit
from services.auth.accounts import administrators, new_accounts
from services.auth.accounts.administrators import Administrator
from services.auth.errors import AddressTaken
from services.auth.mail import challenges
from services.auth.mail.challenges import INVITATION
from services.auth.models import Account, db
from services.auth.store import accounts, registrations
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id


def create(
    who: Administrator, *, email: str, name: str | None, roles: list[str], locale: str, invite: bool
) -> Account:
    """Make an account without a password, and invite its owner by mail if that is wanted.

    The address is proven by the invitation or a reset. Raises AddressTaken, and what ``authorise`` raises.
    """
    now, account_id = utcnow(), new_id()
    with transaction(db):
        administrators.authorise(who)
        _add(account_id, email=email, now=now, display_name=name, roles=sorted(set(roles)), locale=locale)
        account = accounts.find_for_update(account_id)
        if account is None:
            raise AddressTaken
        new_accounts.announce_registration(account, now)
        audit.record("account_created", account_id=account_id, roles=account.roles, is_invited=invite)
        if invite:
            challenges.mail(INVITATION, account, now)
    return account


def _add(account_id: UUID, *, email: str, **values: object) -> None:
    registrations.forget(email)
    if not accounts.add_unless_known(account_id=account_id, email=email, **values):  # type: ignore[arg-type]
        raise AddressTaken
