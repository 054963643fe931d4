"""Which messages become events, under which type, and what of a message an event shows.

An event has ids, and of the message what is listed here: no name, no address, no language. Whoever needs
those asks users for the profile, and gets what is true by then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts import messages
from shared.contracts.messages import Message


@dataclass(frozen=True, slots=True)
class Kind:
    """How messages of one class are shown: the types that they may have, which it is, and their data."""

    types: tuple[str, ...]
    shown: tuple[str, ...] = ()
    choose: Callable[[Any], str] | None = None  # of several types

    def type_of(self, message: Message) -> str:
        """The type of this message."""
        return self.choose(message) if self.choose is not None else self.types[0]

    def content_of(self, message: Message) -> dict[str, Any]:
        """What the event says beside its type, ids and time."""
        return {name: message.model_dump(mode="json")[name] for name in self.shown}


DELETED = "account.deleted"
KINDS: Mapping[type[Message], Kind] = {
    messages.AccountRegistered: Kind(("account.registered",), ("roles",)),
    messages.AccountVerified: Kind(("account.verified",)),
    messages.AccountDisabled: Kind(("account.disabled",)),
    messages.AccountEnabled: Kind(("account.enabled",)),
    messages.RolesChanged: Kind(("account.roles_changed",), ("roles",)),
    messages.EmailChanged: Kind(("account.email_changed",)),
    messages.AccountDeleted: Kind((DELETED,)),
    messages.ProfileChanged: Kind(("profile.changed",), ("profile_version", "changed")),
    messages.OrganizationChanged: Kind(
        ("organization.created", "organization.changed", "organization.deleted"),
        ("organization_version",),
        lambda message: f"organization.{message.change}",
    ),
    messages.MembershipChanged: Kind(
        ("membership.started", "membership.changed", "membership.ended"),
        ("role", "membership_version"),
        lambda message: f"membership.{message.change}",
    ),
}
TYPES: Sequence[str] = sorted(type_ for kind in KINDS.values() for type_ in kind.types)
GROUPS: Sequence[str] = sorted({f"{type_.partition('.')[0]}.*" for type_ in TYPES})


def types_of(name: str) -> Sequence[str]:
    """The types that a filter names: one, or with ``*`` all of a group."""
    return [type_ for type_ in TYPES if type_ == name or f"{type_.partition('.')[0]}.*" == name]
