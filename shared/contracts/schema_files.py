"""The messages as JSON Schema files, and the rule by which they may change.

`python -m shared.contracts.schema_files` writes them; a test compares them with the code and refuses a
change that would make a message that is under way unreadable, or an older reader fail.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.contracts.messages import Message, all_messages

DIRECTORY = Path(__file__).parent / "schemas"


def schema_of(kind: type[Message]) -> dict[str, Any]:
    """The JSON Schema of one message."""
    return {"$id": f"urn:doorward:message:{kind.name}:{kind.version}", **kind.model_json_schema()}


def path_of(kind: type[Message]) -> Path:
    """The file that holds the schema of ``kind``."""
    return DIRECTORY / f"{kind.name}.v{kind.version}.json"


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What in ``new`` breaks those who speak ``old``, as sentences."""
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, member in before.items():
        if name not in after:
            yield f"{name} is gone: an older reader may need it"
        elif _shape(member) != _shape(after[name]):
            yield f"{name} has another type"
    yield from (
        f"{name} is required now: messages under way may lack it"
        for name in new.get("required", [])
        if name not in old.get("required", [])
    )
    yield from (
        f"{name} is optional now: an older reader requires it"
        for name in old.get("required", [])
        if name in after and name not in new.get("required", [])
    )


def _shape(member: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in member.items() if key not in {"default", "title", "description"}}


def write_all() -> None:
    """Write every schema that is not there yet or has grown."""
    DIRECTORY.mkdir(exist_ok=True)
    for kind in all_messages().values():
        path_of(kind).write_text(json.dumps(schema_of(kind), indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    write_all()
