"""Messages may grow, and never break those that are under way."""

import json
import subprocess
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts import queues, schema_files
from shared.contracts.messages import Message, SendEmail, all_messages

KINDS = list(all_messages().values())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_schema_file_is_what_the_code_says(kind: type[Message]) -> None:
    stored = json.loads(schema_files.path_of(kind).read_text())

    assert stored == schema_files.schema_of(kind), "run: python -m shared.contracts.schema_files"


def test_no_schema_file_is_left_over() -> None:
    assert set(schema_files.DIRECTORY.iterdir()) == {schema_files.path_of(kind) for kind in KINDS}


def released(kind: type[Message]) -> dict[str, Any] | None:
    """The schema at the last release tag, where there is one."""
    tag = subprocess.run(["git", "describe", "--tags", "--abbrev=0"], capture_output=True, text=True)
    if tag.returncode:
        return None
    path = schema_files.path_of(kind).relative_to(schema_files.DIRECTORY.parents[2])
    shown = subprocess.run(["git", "show", f"{tag.stdout.strip()}:{path}"], capture_output=True, text=True)
    return None if shown.returncode else json.loads(shown.stdout)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_nothing_has_broken_since_the_last_release(kind: type[Message]) -> None:
    old = released(kind) or schema_files.schema_of(kind)

    assert list(schema_files.breaking_changes(old, schema_files.schema_of(kind))) == []


OLD = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("new", "complaint"),
    [
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, "b is gone"),
        (
            {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a"]},
            "a has another type",
        ),
        ({**OLD, "required": ["a", "b"]}, "b is required now"),
        ({**OLD, "required": []}, "a is optional now"),
    ],
)
def test_breaking_changes_are_found(new: dict[str, Any], complaint: str) -> None:
    assert [text.split(":")[0] for text in schema_files.breaking_changes(OLD, new)] == [complaint]


def test_a_new_member_with_a_default_is_no_breaking_change() -> None:
    new = {**OLD, "properties": {**OLD["properties"], "c": {"type": "string", "default": ""}}}

    assert list(schema_files.breaking_changes(OLD, new)) == []


def test_messages_are_frozen_and_read_what_a_newer_sender_adds() -> None:
    message = SendEmail.model_validate({"template": "t", "to_email": "a@example.org", "later": 1})

    with pytest.raises(ValidationError):
        message.template = "other"  # type: ignore[misc]


def test_every_message_has_a_subscriber_and_every_subscriber_a_queue() -> None:
    assert set(queues.SUBSCRIBERS) == set(KINDS)
    assert {service for services in queues.SUBSCRIBERS.values() for service in services} <= set(queues.QUEUES)
