"""Stored addresses: which of them are not in the form in which addresses are compared now, and their repair.

A row in another form is not found any more by whoever types its address. An address that was folded into
another domain (``strasse.de`` for ``straße.de``) looks like any other, and is not found here either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import column, select, table, update
from sqlalchemy.exc import IntegrityError

from shared.chassis.addresses import AddressInvalid, canonical
from shared.chassis.database import transaction

BATCH = 1000
Place = tuple[str, str]  # a table and its column


@dataclass(frozen=True, slots=True)
class Finding:
    """A stored address in another form; ``right`` is None where it could not be taken today."""

    place: Place
    stored: str
    right: str | None


def find(db: SQLAlchemy, places: Sequence[Place]) -> Iterator[Finding]:
    """Every stored address that the present rule would write differently, or refuse."""
    for place in places:
        for stored in _all(db, place):
            try:
                right = canonical(stored, takes_test_domains=True)
            except AddressInvalid:
                yield Finding(place, stored, None)
            else:
                if right != stored:
                    yield Finding(place, stored, right)


def repair(db: SQLAlchemy, finding: Finding) -> bool:
    """Write the address in its right form; False where it has none, or where that belongs to another row."""
    name, field = finding.place
    if finding.right is None:
        return False
    rows = table(name, column(field))
    try:
        with transaction(db) as session:
            session.execute(
                update(rows).where(rows.c[field] == finding.stored).values({field: finding.right})
            )
    except IntegrityError:
        return False
    return True


def _all(db: SQLAlchemy, place: Place) -> Iterator[str]:
    name, field = place
    address = table(name, column(field)).c[field]
    last = ""
    while True:
        query = select(address).distinct().where(address > last).order_by(address).limit(BATCH)
        with transaction(db) as session:
            found = session.scalars(query).all()
        yield from found
        if len(found) < BATCH:
            return
        last = found[-1]
