"""What a process that failed said about the reason: one line out of its last ones."""

import json
import re
from collections.abc import Sequence

OWN_SENTENCE = "doorward: "
# The line that ends a traceback.
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Warning)\b")
# What gunicorn's master says once its worker could not begin: true of every reason.
_SERVER = "gunicorn.error"


def of(lines: Sequence[str]) -> str:
    """The line that says most: a sentence of ours, else an exception or an error, else the last one."""
    for find in (_own_sentence, _exception, _error):
        for line in reversed(lines):
            if (words := find(line)) is not None:
                return words
    return lines[-1] if lines else "nothing"


def _own_sentence(line: str) -> str | None:
    return line.removeprefix(OWN_SENTENCE) if line.startswith(OWN_SENTENCE) else None


def _exception(line: str) -> str | None:
    event = _event(line)
    last = str(event.get("exception") or "").strip().rpartition("\n")[2] if event else line
    return last if _EXCEPTION.match(last) and not last.startswith("gunicorn.") else None


def _error(line: str) -> str | None:
    event = _event(line)
    if event.get("level") not in {"error", "critical"} or event.get("logger") == _SERVER:
        return None
    return str(event.get("event"))


def _event(line: str) -> dict[str, object]:
    try:
        event = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
