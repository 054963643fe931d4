"""One log: who said what, readable, and a reader who leaves is noticed."""

import io
from typing import TextIO

from deploy.local.console import Console, readable

EVENT = (
    '{"event": "request", "level": "info", "time": "2026-01-01T00:00:00Z", "process": "auth", "status": 202}'
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    """A stream whose reader is gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def lines_on(stream: TextIO, *lines: str) -> None:
    console = Console(stream)
    for line in lines:
        console.line("auth", line)


def test_json_event_is_written_for_people() -> None:
    assert list(readable(EVENT)) == ["info    request status=202"]
    assert list(readable('{"event": "request", "account_id": null}')) == ["info    request"]


def test_traceback_follows_its_event_line_by_line() -> None:
    event = '{"event": "unexpected_error", "level": "error", "exception": "Traceback\\n  File\\nKeyError"}'

    assert list(readable(event)) == ["error   unexpected_error", "Traceback", "  File", "KeyError"]


def test_text_that_is_no_event_stays_as_it_is() -> None:
    for text in ("plain", "{not json", "{}", '{"other": 1}'):
        assert list(readable(text)) == [text]


def test_colours_are_for_terminals_only() -> None:
    plain, terminal = io.StringIO(), Terminal()

    lines_on(plain, EVENT)
    lines_on(terminal, EVENT)

    assert "\x1b[" not in plain.getvalue()
    assert "\x1b[" in terminal.getvalue()


def test_closed_stream_is_told_once_it_is_noticed() -> None:
    told: list[bool] = []

    Console(ClosedPipe(), on_closed=lambda: told.append(True)).say("anybody?")

    assert told == [True]
