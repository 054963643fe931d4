"""Redis' protocol, as much of it as a script needs (RESP version 2)."""

import re
from collections.abc import Sequence
from functools import lru_cache

Reply = int | bytes | list["Reply"] | None
Part = str | int | bytes
# What a script of ours answers to nearly every question.
_FOUR_NUMBERS = re.compile(rb"\*4\r\n" + rb":(-?[0-9]+)\r\n" * 4)


class ErrorReply:
    """An error that Redis answered with."""

    def __init__(self, text: str) -> None:
        self.text = text


def encoded(command: Sequence[Part]) -> bytes:
    """``command`` as Redis reads it."""
    return b"".join([b"*%d\r\n" % len(command), *map(_encoded_part, command)])


@lru_cache(maxsize=4096)  # the same names and numbers are asked for again and again
def _encoded_part(part: Part) -> bytes:
    value = part if isinstance(part, bytes) else str(part).encode()
    return b"$%d\r\n%b\r\n" % (len(value), value)


def parse(data: bytes, position: int) -> tuple[Reply | ErrorReply, int] | None:
    """The answer that begins at ``position`` and where the next one does; None while it is incomplete."""
    if (numbers := _FOUR_NUMBERS.match(data, position)) is not None:
        return [int(number) for number in numbers.groups()], numbers.end()
    end = data.find(b"\r\n", position)
    if end < 0:
        return None
    kind, text = data[position : position + 1], data[position + 1 : end]
    position = end + 2
    if kind == b":":
        return int(text), position
    if kind == b"+":
        return text, position
    if kind == b"-":
        return ErrorReply(text.decode("latin-1")), position
    length = int(text)
    if kind == b"*" and length >= 0:
        return _items(data, position, length)
    if length < 0:
        return None, position
    end = position + length
    return (data[position:end], end + 2) if len(data) >= end + 2 else None


def _items(data: bytes, position: int, length: int) -> tuple[Reply, int] | None:
    items: list[Reply] = []
    for _ in range(length):
        parsed = parse(data, position)
        if parsed is None:
            return None
        item, position = parsed
        items.append(None if isinstance(item, ErrorReply) else item)
    return items, position
