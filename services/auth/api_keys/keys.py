"""The use cases on API keys: made, listed, deleted, and exchanged for an access token.

A key reads ``dwk_<8 marks>_<43 marks>``: the first part names it in lists, the whole is stored as a hash
only. At the edge it is exchanged for a short-lived access token, so that services verify one kind of
thing.
"""

import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.auth import audit
from services.auth.api_keys.scopes import ADMIN, effective
from services.auth.clients import Client
from services.auth.codes import digest, new_token
from services.auth.errors import ApiKeyNotFound, ApiKeyUnknown, ScopeNotGrantable, TooManyCredentials
from services.auth.mail import outgoing
from services.auth.models import Account, ApiKey, db
from services.auth.sessions import revocations
from services.auth.sessions.access_tokens import issue_for_api_key
from services.auth.sign_in.reauthentication import lock_fresh
from services.auth.store import accounts
from services.auth.store import api_keys as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id

PREFIX = "dwk"
MOST_KEYS = 100
_USE_NOTED_EVERY = timedelta(minutes=1)
_NAME_MARKS = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made; the only time that it is seen whole."""

    row: ApiKey
    key: str


def create(
    account_id: UUID,
    session_id: UUID | None,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None,
    client: Client,
) -> NewApiKey:
    """Make a key of the caller's, and tell the owner by mail.

    Raises FreshSignInRequired, ScopeNotGrantable, TooManyCredentials.
    """
    prefix = f"{PREFIX}_{''.join(secrets.choice(_NAME_MARKS) for _ in range(8))}"
    key = f"{prefix}_{new_token()}"
    with transaction(db):
        account = lock_fresh(account_id, session_id)
        if len(effective(scopes, account.roles)) < len(scopes):
            raise ScopeNotGrantable
        if len(store.list_of(account_id)) >= MOST_KEYS:
            raise TooManyCredentials
        row = store.add(
            id=new_id(),
            account_id=account_id,
            name=name,
            prefix=prefix,
            key_hash=digest(key),
            scopes=sorted(set(scopes)),
            created_at=utcnow(),
            expires_at=expires_at,
        )
        audit.record("api_key_created", account_id=account_id, api_key_id=str(row.id), scopes=row.scopes)
        _tell(account, "created", row.name, client)
    return NewApiKey(row, key)


def _tell(account: Account, change: str, name: str, client: Client) -> None:
    where = outgoing.where(client, utcnow())
    outgoing.send_notice(f"api_key_{change}", account, key_name=name, **where)


def list_own(account_id: UUID) -> list[ApiKey]:
    """The caller's keys, newest first."""
    return store.list_of(account_id)


def delete(account_id: UUID, key_id: UUID, client: Client) -> None:
    """Delete a key, and within a second its access tokens; the owner is told. Raises ApiKeyNotFound."""
    with transaction(db):
        account = accounts.find_for_update(account_id)
        name = store.delete_one(account_id, key_id)
        if account is None or name is None:
            raise ApiKeyNotFound
        revocations.revoke_sessions([key_id], utcnow())
        _tell(account, "deleted", name, client)
        audit.record("api_key_deleted", account_id=account_id, api_key_id=str(key_id))


def find(key: str) -> ApiKey | None:
    """The key, whether it acts for its account now or is suspended."""
    return store.find_one(digest(key))


def find_living(key: str, now: datetime) -> store.Holder | None:
    """The key and its account, if both are alive."""
    return store.find_holder([digest(key)], now)


def exchange(key: str) -> tuple[str, int]:
    """An access token with the key's scopes, and its seconds; raises ApiKeyUnknown."""
    now = utcnow()
    with transaction(db):
        holder = find_living(key, now)
        if holder is None:
            raise ApiKeyUnknown
        store.note_use(holder.key_id, now, not_since=now - _USE_NOTED_EVERY)
    scopes = effective(holder.scopes, holder.roles)
    return issue_for_api_key(
        account_id=holder.account_id,
        key_id=holder.key_id,
        roles=holder.roles if ADMIN in scopes else [],
        scopes=scopes,
        version=holder.version,
        is_verified=holder.is_verified,
        expires_at=holder.expires_at,
        now=now,
    )


def delete_of(account_id: UUID, key_id: UUID | None, client: Client) -> None:
    """Delete a key of somebody's account, or all of them; raises ApiKeyNotFound."""
    if key_id is not None:
        delete(account_id, key_id, client)
        return
    for key in list_own(account_id):
        with suppress(ApiKeyNotFound):  # its owner was quicker
            delete(account_id, key.id, client)
