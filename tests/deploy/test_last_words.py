"""Out of the last lines of a process that failed, the one that names the reason."""

import json

import pytest

from deploy.local import last_words

BOOT = json.dumps({"event": "Reason: Worker failed to boot.", "logger": "gunicorn.error", "level": "error"})
HALT = "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>"


def event(**fields: str) -> str:
    return json.dumps({"event": "something", "level": "info", **fields})


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "nothing"),
        (["hello", "goodbye"], "goodbye"),
        (
            ["Traceback (most recent call last):", '  File "x"', "OSError: no room", BOOT, HALT],
            "OSError: no room",
        ),
        (["doorward: LOG_LEVEL: is odd.", "OSError: no room"], "LOG_LEVEL: is odd."),
        (
            [event(exception="Traceback\n  x\nmodule.OddError: why", level="error"), BOOT],
            "module.OddError: why",
        ),
        ([event(event="keys_cannot_be_opened", level="critical"), event(), BOOT], "keys_cannot_be_opened"),
        (["{half an event", "[1]"], "[1]"),
    ],
)
def test_reason_is_found_before_what_the_server_says_of_its_end(lines: list[str], reason: str) -> None:
    assert last_words.of(lines) == reason
