"""The one log of the runner: every line with the name of its process, coloured on a terminal."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TextIO

OWN_NAME = "doorward"
WIDTH = 20  # of the longest name, notifications-worker
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_LEVELS = {"warning": 33, "error": 31, "critical": 31}
# What stands elsewhere on the line, or says nothing here.
_LEFT_OUT = frozenset({"event", "level", "time", "process", "logger", "exception", "trace_id"})


class Console:
    """Writes lines. ``on_closed`` is called when nobody reads them any more."""

    def __init__(self, stream: TextIO | None = None, *, on_closed: Callable[[], None] = lambda: None) -> None:
        self._stream = stream or sys.stdout
        self._on_closed = on_closed
        self._is_coloured = self._stream.isatty()
        self._names: list[str] = [OWN_NAME]

    def say(self, text: str) -> None:
        """A line of the runner itself."""
        self.line(OWN_NAME, self._painted(text, 1))

    def line(self, name: str, text: str) -> None:
        """A line of a process; JSON events are written out for people."""
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        prefix = self._painted(f"{now} {name:<{WIDTH}} |", self._colour(name))
        for part in readable(text, paint=self._painted):
            self._write(f"{prefix} {part}\n")

    def plain(self, text: str) -> None:
        """Text without a prefix: the summary."""
        self._write(f"{text}\n")

    def _colour(self, name: str) -> int:
        if name not in self._names:
            self._names.append(name)
        return _COLOURS[self._names.index(name) % len(_COLOURS)]

    def _painted(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured else text

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # whoever read it is gone
            self._on_closed()


def readable(text: str, *, paint: Any = lambda text, _colour: text) -> Iterator[str]:
    """A JSON event as ``event name=value``, its traceback on lines of its own; other text as it is."""
    event = _event(text)
    if event is None:
        yield text
        return
    said = {name: value for name, value in event.items() if name not in _LEFT_OUT and value is not None}
    fields = " ".join(f"{name}={value}" for name, value in said.items())
    level = str(event.get("level", "info"))
    words = paint(f"{level:<7}", _LEVELS[level]) if level in _LEVELS else f"{level:<7}"
    yield f"{words} {event['event']} {fields}".rstrip()
    yield from str(event.get("exception") or "").splitlines()


def _event(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        event = json.loads(text)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
