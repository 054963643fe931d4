"""JSON bodies: read strictly, and bounded before anything recurses into them.

What is taken can be stored and given back as it came: numbers keep every digit, a member stands once. orjson
alone would take the last of two members and round what fits no number of its own.
"""

import json
import re
from decimal import Decimal
from typing import Any

import orjson

DEEPEST_LEVEL = 64
_LEAST_INTEGER, _GREATEST_INTEGER = -(2**63), 2**64 - 1  # what orjson writes
# A body without such signs is not read once more, which costs more than orjson does.
_LONG_NUMBER = re.compile(rb"[0-9][0-9.]{15}|[0-9][eE]")
_MEMBER = re.compile(rb'"\s*:')

TOO_DEEP = f"The body has more than {DEEPEST_LEVEL} levels."
NOT_EXACT = "The body has a number that cannot be stored with all of its digits."
REPEATED = "The body has a member twice."


class BodyRefused(ValueError):
    """The text is JSON, and no body of ours; its message says why."""


def loads(body: bytes) -> Any:
    """The value of ``body``; raises orjson's JSONDecodeError for what is no JSON, and BodyRefused."""
    value = orjson.loads(body)  # which recurses in its own code, and not without bounds
    hooks: dict[str, Any] = {}
    if len(_MEMBER.findall(body)) > _count_members(value):
        hooks["object_pairs_hook"] = _members
    if _LONG_NUMBER.search(body):
        hooks |= {"parse_int": _integer, "parse_float": _number}
    if hooks:
        json.loads(body, **hooks)
    return value


def _count_members(value: Any) -> int:
    """How many members all objects have; raises BodyRefused where they are nested too deeply."""
    count, level = 0, [value]
    for _ in range(DEEPEST_LEVEL):
        if not level:
            break
        objects = [inner for inner in level if isinstance(inner, dict)]
        count += sum(map(len, objects))
        level = [member for inner in objects for member in inner.values()] + [
            item for inner in level if isinstance(inner, list) for item in inner
        ]
    if any(isinstance(inner, dict | list) for inner in level):
        raise BodyRefused(TOO_DEEP)
    return count


def _members(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise BodyRefused(REPEATED)


def _integer(digits: str) -> None:
    # Long ones first: Python refuses to read thousands of digits, and takes its time for hundreds.
    if len(digits) > 20 or not _LEAST_INTEGER <= int(digits) <= _GREATEST_INTEGER:
        raise BodyRefused(NOT_EXACT)


def _number(digits: str) -> None:
    number = float(digits)
    if len(digits) > 400 or Decimal(digits) != Decimal(repr(number)):
        raise BodyRefused(NOT_EXACT)
    # PostgreSQL gives a number without a fraction back as an integer.
    if number.is_integer() and not _LEAST_INTEGER <= number <= _GREATEST_INTEGER:
        raise BodyRefused(NOT_EXACT)
