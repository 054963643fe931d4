"""Known devices: who signed in before keeps a token, by which the device is recognised later.

The token signs nobody in. It exempts its device from counts that strangers run up on the account, and spares
its owner the mail about a new device.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.codes import digest, new_token
from services.auth.extensions import messages
from services.auth.mail import outgoing
from services.auth.models import Account
from services.auth.store import devices as store
from shared.chassis.ids import new_id
from shared.contracts.messages import SignedInFromNewDevice

MOST_DEVICES = 20  # that an account knows; each has tries of its own


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device, and its token where it has just been given one."""

    id: UUID
    token: str | None


def recognise(account: Account, client: Client, now: datetime) -> KnownDevice:
    """The device that signs in, in the caller's transaction; a new one is remembered, and the owner told."""
    if client.device_token is not None:
        known = store.note_use(account.id, [digest(client.device_token)], now)
        if known is not None:
            return KnownDevice(known, None)
    if store.has_any(account.id) and not store.has_user_agent(account.id, client.user_agent):
        _tell(account, client, now)
    return _remember(account, client, now)


def _tell(account: Account, client: Client, now: datetime) -> None:
    messages.send(
        SignedInFromNewDevice(
            account_id=account.id,
            ip=client.ip,
            user_agent=client.user_agent,
            occurred_at=now,
            **outgoing.owner_of(account),
        )
    )
    audit.record("signed_in_from_new_device", account_id=account.id)


def _remember(account: Account, client: Client, now: datetime) -> KnownDevice:
    device = KnownDevice(new_id(), new_token())
    store.add(
        device_id=device.id,
        account_id=account.id,
        token_hash=digest(str(device.token)),
        user_agent=client.user_agent,
        now=now,
    )
    store.forget_oldest(account.id, keep=MOST_DEVICES)
    return device
