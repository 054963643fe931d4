"""The use cases on what auth says of an account: its profile is made, and follows.

auth owns address, roles and state. A message about them is only the reason to ask: whatever the order in
which messages arrive, what was asked for last stands in the end. Nothing brings a deleted account back.
"""

from typing import Protocol
from uuid import UUID

from services.users.deps import deps
from services.users.profiles.invalidations import forbid
from services.users.store import profiles as store
from shared.chassis import errors
from shared.chassis.clock import utcnow
from shared.chassis.logs import get_logger
from shared.contracts.internal import AccountBody
from shared.contracts.messages import AccountRegistered

log = get_logger(__name__)


class AboutAccount(Protocol):
    """Any message that names an account."""

    account_id: UUID


def register(message: AccountRegistered) -> None:
    """Make the profile of an account that was just registered; in the courier's transaction."""
    account = AccountBody(
        id=message.account_id,
        email=message.email,
        display_name=message.display_name,
        locale=message.locale,
        roles=message.roles,
        is_active=True,
        is_verified=False,
        created_at=message.occurred_at,
    )
    store.add(account, utcnow())


def mirror(message: AboutAccount) -> None:
    """Take over what auth says of the account now; in the courier's transaction.

    An account that auth does not know any more is none of ours: the message of its deletion does the rest.
    """
    try:
        take_over(message.account_id)
    except errors.NotFound:
        log.info("account_is_gone", account_id=str(message.account_id))


def take_over(account_id: UUID) -> None:
    """Ask auth, and write the answer into the caller's transaction; raises NotFound, ServiceUnavailable.

    No row is locked while auth is asked.
    """
    asked_at = store.clock()
    account = deps().accounts.get_account(account_id)
    version = store.mirror(account, asked_at, utcnow())
    if version is not None:
        forbid(account_id, version)
