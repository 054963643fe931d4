"""The use cases on accounts as such: what other services may know, and the first administrator."""

from uuid import UUID

from services.auth.errors import AccountNotFound
from services.auth.models import Account
from services.auth.store import accounts as store
from shared.chassis.clock import utcnow
from shared.contracts.internal import AccountBody
from shared.contracts.messages import ProfileChanged


def get(account_id: UUID) -> Account:
    """The account; raises AccountNotFound."""
    account = store.find(account_id)
    if account is None:
        raise AccountNotFound
    return account


def as_body(account: Account) -> AccountBody:
    """What another service may know of the account."""
    return AccountBody(
        id=account.id,
        email=account.email,
        display_name=account.display_name,
        locale=account.locale,
        roles=tuple(account.roles),
        is_active=account.is_active,
        is_verified=account.verified_at is not None,
        created_at=account.created_at,
    )


def count(account_id: UUID) -> dict[str, int]:
    """How many living sessions, keys, passkeys and known devices the account has."""
    return store.count_belongings(account_id, utcnow())


def take_profile(message: ProfileChanged) -> None:
    """Take over the name and language that mails use; in the courier's transaction."""
    store.take_profile(
        message.account_id,
        version=message.profile_version,
        display_name=message.display_name,
        locale=message.locale,
    )
