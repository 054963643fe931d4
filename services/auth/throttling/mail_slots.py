"""How many mails others may have sent to one address: one a minute, and so many a day, over all kinds.

It is about mails that anybody can cause who knows the address: codes, and the notice that it has an account.
What an account's owner is told of changes always goes out. A mail whose code is used was wanted, and
makes room for the next.
"""

from datetime import datetime, timedelta

from services.auth.deps import deps
from services.auth.store import throttles
from shared.chassis.logs import get_logger

KIND = "mail"
DAY = timedelta(days=1)

log = get_logger(__name__)


def key_hash(email: str) -> str:
    """What the mails to the address are counted under."""
    return deps().codes.hash("throttle:mail", email)


def take(email: str, now: datetime) -> bool:
    """Count a mail to the address in the caller's transaction; False where it must not be sent now."""
    settings, key = deps().settings, key_hash(email)
    forgets_one_after = DAY / settings.mails_per_day
    sent = throttles.count(key, KIND, now=now, forgets_one_after=forgets_one_after)
    if sent is None:
        throttles.refuse(key)
    elif sent > settings.mails_per_day:
        throttles.forgive_one(key, forgets_one_after=forgets_one_after)
        throttles.refuse(key)
    else:
        throttles.block(key, until=now + timedelta(seconds=settings.mail_interval_seconds))
        return True
    log.info("mail_withheld", reason="too_many_to_one_address")
    return False


def give_back(email: str) -> None:
    """Begin the count anew: its reader has used a code that was mailed."""
    throttles.forgive_all([key_hash(email)])
