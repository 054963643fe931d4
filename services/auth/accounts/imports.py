"""The use cases of moving in: accounts with their hashes, one JSON object a line.

``schemas/import_lines.py`` says what a line holds. Lines are taken in batches, each in a transaction of
its own; an address that has an account is passed over, so that a run that broke off is simply repeated. A
line that cannot be taken is reported by its number.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from marshmallow import ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from services.auth import audit
from services.auth.accounts import imported_factors, new_accounts
from services.auth.extensions import messages
from services.auth.models import Account, db
from services.auth.passwords import foreign_hashes
from services.auth.store import accounts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountRegistered, AccountVerified

BATCH = 1000
MOST_MISTAKES = 100
Load = Callable[[Any], dict[str, Any]]  # checks what a line holds; raises ValidationError


@dataclass(slots=True)
class Report:
    """What became of the lines."""

    made: int = 0
    known: int = 0
    refused: int = 0
    schemes: Counter[str] = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)

    def refuse(self, number: int, reason: str) -> None:
        """Count a line that cannot be taken; the first of them are told."""
        self.refused += 1
        if len(self.mistakes) < MOST_MISTAKES:
            self.mistakes.append(f"line {number}: {reason}")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was understood, and its number."""

    number: int
    account: dict[str, Any]


def take_in(
    lines: Iterable[bytes],
    *,
    load: Load,
    is_dry_run: bool,
    allow_roles: bool,
    progress: Callable[[int], None],
) -> Report:
    """Make an account of every line that can be; ``progress`` hears of the lines done.

    Lines with roles are refused unless ``allow_roles``.
    """
    report = Report()
    for batch in _batches(_read(lines, load, report, allow_roles=allow_roles), report):
        _make(batch, report, is_dry_run=is_dry_run)
        progress(report.made + report.known + report.refused)
    progress(report.made + report.known + report.refused)
    return report


def _read(lines: Iterable[bytes], load: Load, report: Report, *, allow_roles: bool) -> Iterator[Line]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            account = load(orjson.loads(line))
            scheme = _scheme(account["password_hash"])
        except (orjson.JSONDecodeError, foreign_hashes.HashNotSupported) as error:
            report.refuse(number, str(error))
        except ValidationError as error:
            report.refuse(number, "; ".join(f"{name}: {text}" for name, text in _flat(error)))
        else:
            if account["roles"] and not allow_roles:
                report.refuse(number, "roles: the file gives roles; take them with --allow-roles")
                continue
            report.schemes[scheme] += 1
            yield Line(number, account)


def _flat(error: ValidationError) -> Iterator[tuple[str, str]]:
    problems = error.messages if isinstance(error.messages, dict) else {"": error.messages}
    for name, texts in problems.items():
        yield str(name), str(texts[0] if isinstance(texts, list) else texts)


def _scheme(password_hash: str | None) -> str:
    return "none" if password_hash is None else foreign_hashes.parse(password_hash).scheme


def _batches(lines: Iterator[Line], report: Report) -> Iterator[list[Line]]:
    batch: dict[str, Line] = {}
    for line in lines:
        if batch.setdefault(line.account["email"], line) is not line:
            report.known += 1  # the address stands twice in the file: the first counts
        if len(batch) == BATCH:
            yield list(batch.values())
            batch = {}
    if batch:
        yield list(batch.values())


def _make(batch: list[Line], report: Report, *, is_dry_run: bool) -> None:
    """Make a batch at once; where the database refuses it, line by line, so that one costs no other."""
    try:
        made = _make_together(batch, is_dry_run=is_dry_run)
    except DBAPIError as error:
        if len(batch) == 1:
            report.refuse(batch[0].number, _reason(error))
            return
        for line in batch:
            _make([line], report, is_dry_run=is_dry_run)
        return
    report.made += made
    report.known += len(batch) - made


def _reason(error: DBAPIError) -> str:
    """What the database says, without the values."""
    return str(error.orig).splitlines()[0]


def _make_together(batch: list[Line], *, is_dry_run: bool) -> int:
    """How many of the lines became accounts. A dry run makes them too, and undoes it."""
    now = utcnow()
    rows = [_row(line.account, now) for line in batch]
    with transaction(db) as session, session.begin_nested() as attempt:
        statement = insert(Account).values(rows).on_conflict_do_nothing(index_elements=[Account.email])
        made = set(session.scalars(statement.returning(Account.id)))
        new = [row for row in rows if row["id"] in made]
        lines = {row["id"]: line.account for row, line in zip(rows, batch, strict=True)}
        _complete(new, lines, now)
        if is_dry_run:
            attempt.rollback()
    return len(made)


def _complete(rows: list[dict[str, Any]], lines: dict[UUID, dict[str, Any]], now: datetime) -> None:
    """What comes with new accounts: factors, events, the messages to the others."""
    for row in rows:
        imported_factors.keep(row["id"], lines[row["id"]], now)
    audit.record_all("account_imported", {row["id"]: {"roles": row["roles"]} for row in rows})
    messages.send_all(_registered(row, now) for row in rows)
    messages.send_all(_verified(row, now) for row in rows if row["verified_at"] is not None)


def _verified(row: dict[str, Any], now: datetime) -> AccountVerified:
    return AccountVerified(account_id=row["id"], email=row["email"], locale=row["locale"], occurred_at=now)


def _row(account: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "id": account["id"] or new_id(),
        "email": account["email"],
        "password_hash": _stored_hash(account["password_hash"]),
        "display_name": account["name"],
        "locale": account["locale"],
        "roles": sorted(set(account["roles"])),
        "is_active": account["active"],
        "verified_at": now if account["verified"] else None,
        "created_at": account["created_at"] or now,
        "updated_at": now,
    }


def _stored_hash(password_hash: str | None) -> str | None:
    return None if password_hash is None else foreign_hashes.marked(password_hash)


def _registered(row: dict[str, Any], now: datetime) -> AccountRegistered:
    return AccountRegistered(
        account_id=row["id"],
        email=row["email"],
        display_name=row["display_name"],
        locale=row["locale"],
        roles=tuple(row["roles"]),
        occurred_at=now,
    )


def resync() -> int:
    """Announce every account to the other services again, oldest first; how many."""
    count = 0
    for account in accounts.list_all():
        new_accounts.announce_registration(account, utcnow())
        if account.verified_at is not None:
            new_accounts.announce_address(account, utcnow())
        count += 1
    db.session.commit()
    return count
