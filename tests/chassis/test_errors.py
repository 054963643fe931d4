"""Every error is a problem document that helps the caller and tells an attacker nothing."""

import re

import pytest

from shared.chassis import errors
from tests.chassis.conftest import Mini, closing, new_mini, settings_for


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/public", 405, "method_not_allowed"),
        ("POST", "/things", 422, "validation_failed"),
    ],
)
def test_framework_errors_are_problems(mini: Mini, method: str, path: str, status: int, code: str) -> None:
    answer = mini.app.test_client().open(path, method=method)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    assert answer.json["status"] == status
    assert set(answer.json) >= {"type", "title", "detail", "request_id"}


def test_405_says_what_is_allowed(mini: Mini) -> None:
    answer = mini.app.test_client().delete("/public")

    assert set(re.split(", ", answer.headers["Allow"])) == {"GET", "HEAD", "OPTIONS"}


def test_unexpected_error_hides_its_cause(mini: Mini, caplog: pytest.LogCaptureFixture) -> None:
    answer = mini.app.test_client().post("/things", json={"name": "broken"})

    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "secret cause" not in answer.text
    assert "secret cause" in caplog.text


def test_mistakes_are_named_by_json_pointer(mini: Mini) -> None:
    answer = mini.app.test_client().post("/things", json={"name": 5, "a/b~c": 1})

    pointers = {error["pointer"] for error in answer.json["errors"]}
    assert pointers == {"/name", "/a~1b~0c"}


def test_every_declared_code_is_unique_and_snake_case() -> None:
    declared = [error for error in errors.all_errors() if error.__module__.startswith("shared.")]
    codes = [error.code for error in declared if not error.__name__.startswith("_")]

    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)
    assert sorted(codes) == sorted(set(codes))


def test_database_that_is_down_answers_503_and_heals(redis_url: str, private_postgres) -> None:
    url = private_postgres.create_database("mini")
    with closing(new_mini(settings_for(url, redis_url), service="auth")) as fragile:
        client = fragile.app.test_client()

        def make(key: str):
            return client.post("/things", json={"name": "a"}, headers={"Idempotency-Key": key})

        assert make("one").status_code == 201
        private_postgres.stop()
        down, ready_down = make("two"), client.get("/readyz")
        private_postgres.start()
        up, ready_up = make("two"), client.get("/readyz")

    assert (down.status_code, down.json["code"]) == (503, "database_unavailable")
    assert int(down.headers["Retry-After"]) >= 1
    assert (ready_down.status_code, ready_down.json["checks"]) == (503, {"database": "fail"})
    assert (up.status_code, ready_up.status_code) == (201, 200)
