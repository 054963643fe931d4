"""What the services tell each other: frozen, versioned, exported as JSON Schema.

A message says what happened (past tense) or what is wanted (SendEmail). A change must leave every
message that is under way readable: fields may be added with a default, never renamed, retyped or removed.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """The root of all messages; ``name`` and ``version`` are what travels."""

    # A newer sender may add fields: an older reader passes over them.
    model_config = ConfigDict(frozen=True, extra="ignore")
    name: ClassVar[str]
    version: ClassVar[int] = 1


class AccountNotice(Message):
    """The root of what an account's owner is told by mail; without ``email`` the mail is asked for apart."""

    account_id: UUID
    occurred_at: datetime
    email: str | None = None
    display_name: str | None = None
    locale: str = "en"


class AccountRegistered(Message):
    """An account was made: by a proven registration, an import or an administrator."""

    name = "account_registered"
    account_id: UUID
    email: str
    display_name: str | None = None
    locale: str = "en"
    roles: tuple[str, ...] = ()
    occurred_at: datetime


class AccountVerified(Message):
    """The account's address was proven."""

    name = "account_verified"
    account_id: UUID
    email: str
    locale: str | None = None
    occurred_at: datetime


class AccountDisabled(AccountNotice):
    """An administrator or a deletion shut the account."""

    name = "account_disabled"


class AccountEnabled(Message):
    """The account may sign in again."""

    name = "account_enabled"
    account_id: UUID
    occurred_at: datetime


class RolesChanged(Message):
    """The account now has exactly these roles."""

    name = "roles_changed"
    account_id: UUID
    roles: tuple[str, ...]
    occurred_at: datetime


class EmailChanged(Message):
    """The account's address is another from now on."""

    name = "email_changed"
    account_id: UUID
    old_email: str
    new_email: str
    was_proven: bool = False  # whether the owner had proven the old one
    occurred_at: datetime


class AccountDeleted(Message):
    """The account is gone for good: every service forgets what it holds on it."""

    name = "account_deleted"
    account_id: UUID
    email: str | None = None
    occurred_at: datetime


class ErasureWanted(Message):
    """Whatever is still held on a deleted account is to go; users asks until every service has confirmed."""

    name = "erasure_wanted"
    account_id: UUID
    occurred_at: datetime


class ErasureConfirmed(Message):
    """A service holds nothing personal on a deleted account any more."""

    name = "erasure_confirmed"
    account_id: UUID
    service: str
    occurred_at: datetime


class ProfileChanged(Message):
    """What an account's owner is called, and his language and time zone, from now on; users owns them.

    ``profile_version`` grows with each change: a reader that has seen a greater one passes over the message.
    ``changed`` names the members of the profile that changed, also those that no other service keeps.
    """

    name = "profile_changed"
    account_id: UUID
    display_name: str | None = None
    locale: str
    timezone: str
    profile_version: int
    changed: tuple[str, ...] = ()
    occurred_at: datetime


class OrganizationChanged(Message):
    """An organization was made, changed or deleted; ``change`` is `created`, `changed` or `deleted`.

    ``organization_version`` grows with each change of the organization or of one of its memberships: a reader
    that has seen a greater one passes over the message.
    """

    name = "organization_changed"
    organization_id: UUID
    change: str
    organization_name: str
    slug: str
    organization_version: int
    actor_id: UUID | None = None
    occurred_at: datetime


class MembershipChanged(Message):
    """An account's membership began, changed or ended; ``change`` is `started`, `changed` or `ended`.

    ``role`` is None once it has ended. ``membership_version`` grows with each change, over the end of a
    membership and its return: a reader that has seen a greater one passes over the message.
    """

    name = "membership_changed"
    organization_id: UUID
    account_id: UUID
    change: str
    role: str | None = None
    membership_version: int
    actor_id: UUID | None = None
    occurred_at: datetime


class SignedInFromNewDevice(AccountNotice):
    """Somebody signed in from a device that the account had not used before."""

    name = "signed_in_from_new_device"
    ip: str
    user_agent: str


class PasswordChanged(AccountNotice):
    """The account's password was changed or reset, with the names of credentials that it ended or left."""

    name = "password_changed"
    is_reset: bool = False
    ended_api_keys: tuple[str, ...] = ()
    ended_passkeys: tuple[str, ...] = ()
    living_api_keys: tuple[str, ...] = ()
    living_passkeys: tuple[str, ...] = ()


class SendEmail(Message):
    """One mail to one address, rendered by notifications from ``template`` in ``locale``.

    ``expires_at``: a mail whose code is dead by then is not worth sending any more.
    """

    name = "send_email"
    template: str
    to_email: str
    account_id: UUID | None = None
    locale: str = "en"
    variables: dict[str, str] = Field(default_factory=dict)
    topic: str = "security"
    expires_at: datetime | None = None


def all_messages() -> dict[str, type[Message]]:
    """Every message by its name."""
    kinds = [*Message.__subclasses__(), *AccountNotice.__subclasses__()]
    return {kind.name: kind for kind in kinds if kind is not AccountNotice}
