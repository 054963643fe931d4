"""The use cases of moving in and out: accounts with their hashes, one JSON object a line.

``schemas/import_lines.py`` says what a line holds. Lines are taken in batches, each in a transaction of
its own; an address that has an account is passed over, so that a run that broke off is simply repeated. A
line that cannot be taken is reported by its number.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.auth.extensions import messages
from services.auth.models import Account, db
from services.auth.passwords import foreign_hashes
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountRegistered

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


def take_in(
    lines: Iterable[bytes], *, load: Load, is_dry_run: bool, progress: Callable[[int], None]
) -> Report:
    """Make an account of every line that can be; ``progress`` hears of the lines done."""
    report = Report()
    for batch in _batches(_read(lines, load, report), report):
        _make(batch, report, is_dry_run=is_dry_run)
        progress(report.made + report.known + report.refused)
    progress(report.made + report.known + report.refused)
    return report


def _read(lines: Iterable[bytes], load: Load, report: Report) -> Iterator[dict[str, Any]]:
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
            report.schemes[scheme] += 1
            yield account


def _flat(error: ValidationError) -> Iterator[tuple[str, str]]:
    problems = error.messages if isinstance(error.messages, dict) else {"": error.messages}
    for name, texts in problems.items():
        yield str(name), str(texts[0] if isinstance(texts, list) else texts)


def _scheme(password_hash: str | None) -> str:
    return "none" if password_hash is None else foreign_hashes.parse(password_hash).scheme


def _batches(accounts: Iterator[dict[str, Any]], report: Report) -> Iterator[list[dict[str, Any]]]:
    batch: dict[str, dict[str, Any]] = {}
    for account in accounts:
        if batch.setdefault(account["email"], account) is not account:
            report.known += 1  # the address stands twice in the file: the first counts
        if len(batch) == BATCH:
            yield list(batch.values())
            batch = {}
    if batch:
        yield list(batch.values())


def _make(batch: list[dict[str, Any]], report: Report, *, is_dry_run: bool) -> None:
    now = utcnow()
    rows = [_row(account, now) for account in batch]
    with transaction(db) as session:
        if is_dry_run:
            emails = [row["email"] for row in rows]
            known = len(session.scalars(select(Account.email).where(Account.email.in_(emails))).all())
            report.known += known
            report.made += len(rows) - known
            return
        statement = insert(Account).values(rows).on_conflict_do_nothing(index_elements=[Account.email])
        made = set(session.scalars(statement.returning(Account.id)))
        messages.send_all(_registered(row, now) for row in rows if row["id"] in made)
    report.made += len(made)
    report.known += len(rows) - len(made)


def _row(account: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "email": account["email"],
        "password_hash": account["password_hash"],
        "display_name": account["name"],
        "locale": account["locale"],
        "roles": sorted(set(account["roles"])),
        "is_active": account["active"],
        "verified_at": now if account["verified"] else None,
        "created_at": account["created_at"] or now,
        "updated_at": now,
    }


def _registered(row: dict[str, Any], now: datetime) -> AccountRegistered:
    return AccountRegistered(
        account_id=row["id"],
        email=row["email"],
        display_name=row["display_name"],
        locale=row["locale"],
        roles=tuple(row["roles"]),
        occurred_at=now,
    )


def give_out() -> Iterator[bytes]:
    """Every account as a line that another Doorward takes in, hashes included, oldest first."""
    statement = select(Account).order_by(Account.id).execution_options(yield_per=BATCH)
    for account in db.session.scalars(statement):
        yield orjson.dumps(
            {
                "email": account.email,
                "password_hash": account.password_hash,
                "name": account.display_name,
                "locale": account.locale,
                "roles": account.roles,
                "verified": account.verified_at is not None,
                "active": account.is_active,
                "created_at": account.created_at,
            },
            option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE,
        )
