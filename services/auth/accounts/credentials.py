"""What opens an account: every kind of credential, and what ends it. One list, in one place.

A test fails where a table belongs to an account and is not in the list, so that no kind comes without a
decision. Whoever ends credentials has locked the account, and so does whoever makes or uses one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from services.auth.models import (
    ApiKey,
    Challenge,
    Device,
    EmailUndo,
    Membership,
    Passkey,
    RecoveryCode,
    Session,
    Ticket,
    TotpFactor,
)
from services.auth.sessions import revocations, sessions
from services.auth.store import api_keys, challenges, devices, passkeys
from services.auth.store import sessions as session_store


class Occasion(Enum):
    """What ends credentials; the value is the reason that ended sessions are given."""

    RESET = "password_reset"
    CHANGE = "password_changed"
    ADDRESS = "email_changed"
    SIGN_OUT = "signed_out_everywhere"


ALWAYS = frozenset(Occasion)
AT_RESET = frozenset({Occasion.RESET})
NEVER: frozenset[Occasion] = frozenset()


@dataclass(frozen=True, slots=True)
class Spared:
    """What outlives an occasion: the caller's own session and device, and the tables that the owner keeps."""

    session_id: UUID | None = None
    device_id: UUID | None = None
    tables: frozenset[str] = frozenset()

    @classmethod
    def own(cls, session_id: UUID | None) -> "Spared":
        """The session of the caller and its device."""
        return cls(session_id, session_store.find_device(session_id) if session_id else None)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of credential: its table, when all of it ends, and how. ``names``: what mails call them."""

    model: type[Any]
    ends_at: frozenset[Occasion]
    end: Callable[[UUID, Spared, str, datetime], None] | None
    reason: str
    names: Callable[[UUID], list[str]] | None = None

    @property
    def table(self) -> str:
        """The name of its table."""
        return str(self.model.__tablename__)


@dataclass(frozen=True, slots=True)
class Report:
    """What was ended and what lives on, of the kinds that have names; by table."""

    ended: dict[str, list[str]]
    living: dict[str, list[str]]

    def variables(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What a mail to the owner says of it: `ended_api_keys`, `living_passkeys` and so on."""
        for state, found in (("ended", self.ended), ("living", self.living)):
            for table, names in found.items():
                yield f"{state}_{table}", tuple(names)


def _end_sessions(account_id: UUID, spared: Spared, reason: str, _now: datetime) -> None:
    sessions.end_all(account_id, reason=reason, but=spared.session_id)


def _end_tickets(account_id: UUID, _spared: Spared, _reason: str, _now: datetime) -> None:
    challenges.forget_tickets(account_id)


def _end_challenges(account_id: UUID, _spared: Spared, _reason: str, _now: datetime) -> None:
    challenges.forget(account_id)


def _end_devices(account_id: UUID, spared: Spared, _reason: str, _now: datetime) -> None:
    devices.forget_all(account_id, but=spared.device_id)


def _end_api_keys(account_id: UUID, _spared: Spared, _reason: str, now: datetime) -> None:
    revocations.revoke_sessions(api_keys.delete(ApiKey.account_id == account_id), now)


def _end_passkeys(account_id: UUID, _spared: Spared, _reason: str, _now: datetime) -> None:
    passkeys.remove_all(account_id)


KINDS = (
    Kind(Session, ALWAYS, _end_sessions, "Whoever is inside has to prove themselves again."),
    Kind(Ticket, ALWAYS, _end_tickets, "A begun sign-in has proven what no longer holds."),
    Kind(Challenge, ALWAYS, _end_challenges, "Mailed codes and links, a change of address under way."),
    Kind(Device, ALWAYS, _end_devices, "A known device is no stranger, and may guess."),
    Kind(
        ApiKey,
        AT_RESET,
        _end_api_keys,
        "An intruder may have made one; the owner may keep them.",
        lambda account_id: [key.name for key in api_keys.list_of(account_id)],
    ),
    Kind(
        Passkey,
        AT_RESET,
        _end_passkeys,
        "An intruder may have added one; the owner may keep them.",
        lambda account_id: [passkey.name for passkey in passkeys.list_of(account_id)],
    ),
    Kind(TotpFactor, NEVER, None, "Whoever reads the mailbox must not get past the second factor."),
    Kind(
        EmailUndo, NEVER, None, "The owner takes the old address back by it, whatever an intruder did since."
    ),
    Kind(
        Membership, NEVER, None, "Opens nothing by itself: it says for which organization a session may work."
    ),
    Kind(RecoveryCode, NEVER, None, "As the authenticator, in whose place they serve."),
)


def end(account_id: UUID, occasion: Occasion, spared: Spared, now: datetime) -> Report:
    """End what the occasion ends, in the caller's transaction, which has locked the account."""
    report = Report({}, {})
    for kind in KINDS:
        does_end = occasion in kind.ends_at and kind.table not in spared.tables
        if kind.names is not None:
            (report.ended if does_end else report.living)[kind.table] = kind.names(account_id)
        if does_end and kind.end is not None:
            kind.end(account_id, spared, occasion.value, now)
    return report
