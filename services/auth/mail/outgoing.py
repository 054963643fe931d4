"""The mails that auth wants sent, and whom to tell: template, variables, how long it is worth sending.

notifications renders and sends them; here they are messages in the outbox of the caller's transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID

from services.auth.clients import Client
from services.auth.codes import CodeAndToken
from services.auth.deps import deps
from services.auth.extensions import messages
from services.auth.models import Account
from shared.contracts.messages import SendEmail


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whose mail it is: an account's owner, or whoever reads the mailbox of an address without one."""

    email: str
    locale: str
    display_name: str | None = None
    account_id: UUID | None = None

    @classmethod
    def owner_of(cls, account: Account, *, email: str | None = None) -> Self:
        """The account's owner, at another address perhaps."""
        return cls(email or account.email, account.locale, account.display_name, account.id)


def owner_of(account: Account) -> dict[str, Any]:
    """Whom to tell: the part of a message by which notifications mails the account's owner."""
    return {"email": account.email, "display_name": account.display_name, "locale": account.locale}


def send_notice(template: str, account: Account, *, to_email: str | None = None, **variables: str) -> None:
    """Tell the owner of something that was done to the account."""
    messages.send(
        SendEmail(
            template=template,
            to_email=to_email or account.email,
            account_id=account.id,
            locale=account.locale,
            variables={"name": account.display_name or "", **variables},
        )
    )


def send_warning(template: str, account: Account, client: Client, now: datetime) -> None:
    """Ask the owner: was it you? With the place, the device and the time."""
    send_notice(template, account, **where(client, now))


def where(client: Client, now: datetime) -> dict[str, str]:
    """The place, the device and the time, as mails name them."""
    return {"ip": client.ip, "device": client.user_agent, "time": f"{now:%Y-%m-%d %H:%M} UTC"}


def send_code(
    template: str, recipient: Recipient, pair: CodeAndToken, *, page: str, now: datetime, lifetime: timedelta
) -> None:
    """Mail a code and a link."""
    minutes = int(lifetime.total_seconds() // 60)
    messages.send(
        SendEmail(
            template=template,
            to_email=recipient.email,
            account_id=recipient.account_id,
            locale=recipient.locale,
            variables={
                "name": recipient.display_name or "",
                "code": pair.code,
                "link": link_to(page, pair.token, locale=recipient.locale),
                "minutes": str(minutes),
                "hours": str(max(1, minutes // 60)),
            },
            expires_at=now + lifetime,
        )
    )


def link_to(page: str, token: str, *, locale: str) -> str:
    """A link that a mail carries, to a page in its language.

    The token stands behind the #: no server, proxy or scanner gets it.
    """
    settings = deps().settings
    links_url = str(settings.links_url or settings.public_url).rstrip("/")
    return f"{links_url}/{page}?lang={quote(locale)}#token={quote(token)}"
