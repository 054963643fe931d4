"""The use cases on refused tries: why somebody is being refused, and letting an account in again."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

from services.auth import audit
from services.auth.accounts import administrators
from services.auth.accounts.administrators import Administrator
from services.auth.clients import Client
from services.auth.errors import AccountNotFound
from services.auth.models import Account, Throttle, db
from services.auth.store import accounts, devices, throttles
from services.auth.throttling import attempts, mail_slots
from shared.chassis.database import transaction

MOST_REFUSALS = 100


def list_refusals(account: Account) -> Sequence[Throttle]:
    """What is counted against the account now: why its owner, or somebody else, is being refused."""
    return throttles.find_many(_counted(account))


def _counted(account: Account) -> list[str]:
    """What failures are counted under, and mails that others cause."""
    keys = attempts.keys_of_account(account.email, account.id, devices.ids_of(account.id))
    return [*(key.hash for key in keys), mail_slots.key_hash(account.email)]


def unblock(account_id: UUID, who: Administrator) -> None:
    """Begin all counts against the account anew; raises AccountNotFound, and what ``authorise`` raises."""
    with transaction(db):
        administrators.authorise(who)
    forgive(account_id)


def forgive(account_id: UUID) -> None:
    """As ``unblock``, by the operator; raises AccountNotFound."""
    with transaction(db):
        account = accounts.find(account_id)
        if account is None:
            raise AccountNotFound
        throttles.forgive_all(_counted(account))
        audit.record("account_unblocked", account_id=account_id)


def find_refusals(*, email: str | None, ip: IPv4Address | IPv6Address | None) -> Sequence[Throttle]:
    """What is counted against an address, known or not, or a client address; or whatever refused of late."""
    keys = []
    if email is not None:
        keys.append(attempts.identifier_key(email))
    if ip is not None:
        keys.append(attempts.client_key(Client(ip=str(ip), user_agent="")))
    return throttles.find_many([key.hash for key in keys]) if keys else throttles.list_refused(MOST_REFUSALS)
