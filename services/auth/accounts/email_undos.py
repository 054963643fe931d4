"""Taking a changed address back: the old mailbox gets a link, which is good for days.

Whoever could change the address knows the password, and may have done anything since: reset the password by
the new mailbox, changed the address again. So nothing but time ends the link, which does what a reset does.
"""

from datetime import datetime, timedelta

from services.auth import audit
from services.auth.accounts import credentials, notices
from services.auth.accounts.credentials import Occasion, Spared
from services.auth.codes import digest, new_token
from services.auth.deps import deps
from services.auth.errors import CodeInvalid
from services.auth.extensions import messages
from services.auth.mail import challenges, outgoing
from services.auth.mail.challenges import PASSWORD_RESET
from services.auth.models import Account, db
from services.auth.store import accounts, email_undos, registrations
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import EmailChanged

PAGE = "restore-email"
MOST_LINKS = 5  # the first ones stay: whoever changes the address over and over pushes none of them out


def tell_old_address(account: Account, old_email: str, now: datetime) -> None:
    """Tell the reader of the old address of the change, with the link, in the caller's transaction."""
    lifetime = timedelta(days=deps().settings.email_undo_days)
    if not lifetime or email_undos.count_living(account.id, now) >= MOST_LINKS:
        outgoing.send_notice("email_changed", account, to_email=old_email)
        return
    token = new_token()
    email_undos.add(
        token_hash=digest(token),
        account_id=account.id,
        old_email=old_email,
        created_at=now,
        expires_at=now + lifetime,
    )
    variables = {"link": outgoing.link_to(PAGE, token, locale=account.locale), "days": str(lifetime.days)}
    outgoing.send_notice("email_changed_undo", account, to_email=old_email, **variables)


def undo(token: str) -> None:
    """Give the account the address back that the link went to, and end what a reset ends.

    The password counts no more; a code to choose another is mailed. Raises CodeInvalid, and IntegrityError
    where the address belongs to another account by now.
    """
    now, token_hash = utcnow(), digest(token)
    with transaction(db):
        account_id = email_undos.find_account(token_hash, now)
        account = accounts.find_for_update(account_id) if account_id else None
        taken = email_undos.take(token_hash, now)
        if account is None or taken is None:
            raise CodeInvalid
        _restore(account, taken.old_email, now)


def _restore(account: Account, old_email: str, now: datetime) -> None:
    replaced, account.email = account.email, old_email
    account.password_hash = None
    account.verified_at = account.updated_at = now
    db.session.flush()
    report = credentials.end(account.id, Occasion.RESET, Spared(), now)
    registrations.forget(old_email)
    messages.send(
        EmailChanged(account_id=account.id, old_email=replaced, new_email=old_email, occurred_at=now)
    )
    for email in (replaced, old_email):
        outgoing.send_notice("email_changed", account, to_email=email)
    notices.tell_of_password(account, report, Occasion.RESET, now)
    challenges.mail(PASSWORD_RESET, account, now)
    audit.record("email_change_undone", account_id=account.id, actor_id=account.id)
