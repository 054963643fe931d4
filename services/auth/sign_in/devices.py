"""Known devices: who signed in before keeps a token, by which the device is recognised later.

The token signs nobody in. It exempts its device from counts that strangers run up on the account, and spares
its owner the mail about a new device.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.codes import digest, new_token
from services.auth.errors import DeviceNotFound
from services.auth.extensions import messages
from services.auth.mail import outgoing
from services.auth.models import Account, db
from services.auth.store import devices as store
from services.auth.store import sessions
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import SignedInFromNewDevice

MOST_DEVICES = 20  # that an account knows; each has tries of its own
TOLD_EVERY = timedelta(days=1)


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
    is_told = not _is_being_made(account, now) and not _was_told(account, client, now)
    if is_told:
        _tell(account, client, now)
    return _remember(account, client, now, told_at=now if is_told else None)


def _is_being_made(account: Account, now: datetime) -> bool:
    """Whether the account is made by this very sign-in, with the mail that proves its address.

    An account that was imported, or made by an administrator or a command, has an owner before its first
    sign-in, which may be a thief's.
    """
    return account.last_sign_in_at is None and account.created_at == now


def _was_told(account: Account, client: Client, now: datetime) -> bool:
    """Whether the owner was told of the same program on the same network within a day.

    What a client calls itself counts for that alone: anybody can send it, from elsewhere.
    """
    return store.was_told_of(
        account.id, user_agent=client.user_agent, network=client.network, since=now - TOLD_EVERY
    )


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
    audit.record("signed_in_from_new_device", account_id=account.id, actor_id=account.id)


def _remember(account: Account, client: Client, now: datetime, *, told_at: datetime | None) -> KnownDevice:
    device = KnownDevice(new_id(), new_token())
    store.add(
        device_id=device.id,
        account_id=account.id,
        token_hash=digest(str(device.token)),
        user_agent=client.user_agent,
        network=client.network,
        told_at=told_at,
        now=now,
    )
    store.forget_oldest(account.id, keep=MOST_DEVICES)
    return device


def list_own(account_id: UUID, session_id: UUID | None) -> list[dict[str, Any]]:
    """The account's known devices, the latest seen first, and which of them the session began on."""
    own = sessions.find_device(session_id) if session_id else None
    return [
        {
            "id": device.id,
            "user_agent": device.user_agent,
            "created_at": device.created_at,
            "last_seen_at": device.last_seen_at,
            "current": device.id == own,
        }
        for device in store.list_of(account_id)
    ]


def forget(account_id: UUID, device_id: UUID) -> None:
    """Make a device a stranger; its session goes on. Raises DeviceNotFound."""
    with transaction(db):
        if not store.forget(account_id, device_id):
            raise DeviceNotFound
        audit.record("device_forgotten", account_id=account_id, device_id=str(device_id))
