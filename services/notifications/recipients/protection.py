"""The protection of recipients: so many mails an hour and a day, and the same content once in a while.

Codes and security mails have limits of their own, so that nothing else can use them up.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache

import orjson

from services.notifications.deps import deps
from services.notifications.lanes import URGENT
from services.notifications.store import protection as store
from services.notifications.store.protection import Lately
from shared.chassis.sealing import derive_key

REPEATED = "repeated_content"
TOO_MANY = "too_many_to_address"


def hash_of(address_key: str, template: str, locale: str, variables: Mapping[str, str]) -> str:
    """The same for the same content to the same address; without our secret it says nothing of either."""
    content = orjson.dumps([address_key, template, locale, dict(variables)], option=orjson.OPT_SORT_KEYS)
    secret = deps().settings.accepted_secrets[0]
    return hashlib.blake2b(content, key=_pepper(secret), digest_size=16).hexdigest()


@cache
def _pepper(secret: str) -> bytes:
    return derive_key(secret, "notification-content")


def reason_against(
    *, address_key: str, lane: str, content_hash: str, send_at: datetime | None = None
) -> str | None:
    """Why the address is not sent this message, in the caller's transaction; None where it is."""
    lately = store.lately(
        address_key,
        is_urgent=lane == URGENT,
        content_hash=content_hash,
        window_seconds=deps().settings.repeat_seconds,
    )
    if lately.is_repeated:
        return REPEATED
    if _is_full(lately, lane):
        return TOO_MANY
    # What was accepted over many days could else be sent in one moment.
    is_full_then = send_at is not None and _is_full(
        store.around(send_at, address_key, is_urgent=lane == URGENT), lane
    )
    return TOO_MANY if is_full_then else None


def is_full_for_resending(*, address_key: str, lane: str) -> bool:
    """Whether a program may send the address nothing again for now, in the caller's transaction."""
    return _is_full(store.lately_with_resent(address_key, is_urgent=lane == URGENT), lane)


def _is_full(lately: Lately, lane: str) -> bool:
    hourly, daily = deps().settings.limits_of(lane)
    return lately.in_hour >= hourly or lately.in_day >= daily
