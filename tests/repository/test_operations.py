"""Every operation is documented: its id and summary, an example of its body, its headers and errors."""

import re
from collections import Counter
from importlib import import_module
from typing import Any

import pytest
from flask import Flask

from deploy.processes import SERVICES
from shared.chassis.operations import CODES

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_summary_and_its_errors(apps: dict[str, Flask], service: str) -> None:
    bare = [
        operation["operationId"]
        for operation in operations(apps[service])
        if not (operation.get("summary") and "default" in operation["responses"])
    ]

    assert bare == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_body_has_an_example(apps: dict[str, Flask], service: str) -> None:
    with_bodies = {
        operation["operationId"]: operation["requestBody"]["content"]
        for operation in operations(apps[service])
        if "requestBody" in operation
    }
    examples = import_module(f"services.{service}.routes.examples").EXAMPLES

    bare = [name for name, types in with_bodies.items() if not all(map(is_shown, types.items()))]

    assert bare == []
    assert examples.keys() - with_bodies.keys() == set(), "examples of operations that there are not"


def is_shown(content: tuple[str, dict[str, Any]]) -> bool:
    """Whether a body of that type has an example; pictures need none."""
    media_type, described = content
    return "example" in described or media_type.startswith("image/")


def test_an_operation_describes_its_headers_and_errors(apps: dict[str, Flask]) -> None:
    by_name = {operation["operationId"]: operation for operation in operations(apps["auth"])}
    described = by_name["apiKeysCreate"]
    codes = {status: answer.get(CODES, []) for status, answer in described["responses"].items()}

    assert [parameter["name"] for parameter in described["parameters"]] == ["Idempotency-Key"]
    assert "an API key needs the scope `account`" in described["description"]
    assert codes["400"] == ["idempotency_key_invalid", "invalid_json"]
    assert {"token_missing", "session_revoked"} <= set(codes["401"])
    assert codes["403"] == ["fresh_sign_in_required", "scope_not_grantable", "scope_required"]
    assert codes["409"] == ["idempotent_request_running", "too_many_credentials"]
    assert "Retry-After" in by_name["login"]["responses"]["429"]["headers"]
    assert "403" not in by_name["passwordForget"]["responses"]


def test_every_operation_has_an_id_of_its_own(apps: dict[str, Flask]) -> None:
    ids = [
        operation.get("operationId", f"none: {operation}")
        for service in SERVICES
        for operation in operations(apps[service])
    ]

    assert [name for name in ids if not re.fullmatch(r"[a-z][A-Za-z]{1,39}", name)] == []
    assert [name for name, count in Counter(ids).items() if count > 1] == []


def operations(app: Flask) -> list[dict[str, Any]]:
    """The operations of the service's document."""
    paths = app.test_client().get("/openapi.json").get_json()["paths"]
    return [operation for item in paths.values() for method, operation in item.items() if method in METHODS]
