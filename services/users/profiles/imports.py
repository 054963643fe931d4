"""The use case of taking profiles in from a file of `doorward export-profiles`, one JSON object a line.

auth owns addresses, roles and states: accounts are imported first, and this file adds what users owns. A line
that cannot be taken is reported by its number and costs no other; a run that broke off is simply repeated.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
from marshmallow import ValidationError
from sqlalchemy.exc import DBAPIError

from services.users.errors import ProfileNotFound
from services.users.models import db
from services.users.profiles.changes import revise
from services.users.store import profiles as store
from shared.chassis.database import transaction, whole
from shared.chassis.errors import ApiError

BATCH = 500
MOST_MISTAKES = 100
Load = Callable[[Any], dict[str, Any]]  # checks what a line holds; raises ValidationError


@dataclass(slots=True)
class Report:
    """What became of the lines."""

    changed: int = 0
    refused: int = 0
    mistakes: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many lines are done with."""
        return self.changed + self.refused

    def refuse(self, number: int, reason: str) -> None:
        """Count a line that cannot be taken; the first of them are reported."""
        self.refused += 1
        if len(self.mistakes) < MOST_MISTAKES:
            self.mistakes.append(f"line {number}: {reason}")


def take_in(lines: Iterable[bytes], *, load: Load, progress: Callable[[int], None]) -> Report:
    """Change the profile that each line names into what it says; ``progress`` is given the lines done."""
    report = Report()
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    for batch in _batches(numbered):
        with whole(db):
            for number, line in batch:
                _take(number, line, load, report)
        progress(report.done)
    return report


def _batches(numbered: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    while batch := list(islice(numbered, BATCH)):
        yield batch


def _take(number: int, line: bytes, load: Load, report: Report) -> None:
    try:
        _change(load(orjson.loads(line)))
    except orjson.JSONDecodeError as error:
        report.refuse(number, str(error))
    except ValidationError as error:
        report.refuse(number, "; ".join(f"{name}: {text}" for name, text in _flat(error)))
    except ApiError as error:
        report.refuse(number, error.text)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        report.refuse(number, str(error.orig).splitlines()[0])
    else:
        report.changed += 1


def _flat(error: ValidationError) -> Iterator[tuple[str, str]]:
    problems = error.messages if isinstance(error.messages, dict) else {"": error.messages}
    for name, texts in problems.items():
        yield str(name), str(texts[0] if isinstance(texts, list) else texts)


def _change(line: dict[str, Any]) -> None:
    """A part of the batch's transaction; raises ProfileNotFound, MetadataTooLarge."""
    account_id, email = line.pop("id", None), line.pop("email", None)
    with transaction(db):
        named = account_id or store.find_id(email)
        if named is None:
            raise ProfileNotFound
        revise(named, line)
