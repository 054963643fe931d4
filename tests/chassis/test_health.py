"""What the log says of readiness: each change once, however often it is asked, and no false alarm."""

import pytest
from flask import Flask
from structlog.testing import capture_logs

from shared.chassis import errors, health
from shared.chassis.health import Checks


class Dependency:
    """Something that is up or down, with a clock beside it."""

    def __init__(self) -> None:
        self.is_up = True
        self.seconds = 0.0
        self.checks = Checks({"redis": self.check}, now=lambda: self.seconds, start_seconds=30)

    def check(self) -> None:
        """Raise while it is down."""
        if not self.is_up:
            raise ConnectionError("nobody answers")

    def told(self, times: int = 1) -> list[tuple[str, str]]:
        """Levels and events of ``times`` looks."""
        with capture_logs() as logs:
            for _ in range(times):
                self.checks.run()
        return [(log["log_level"], log["event"]) for log in logs]


def test_failure_is_a_warning_once_and_its_end_is_told() -> None:
    redis = Dependency()
    redis.seconds = 30
    assert redis.told() == []

    redis.is_up = False
    assert redis.told(times=3) == [("warning", "check_failed")]
    redis.is_up = True
    assert redis.told(times=3) == [("info", "check_passed")]


def test_what_a_start_waits_for_is_no_warning() -> None:
    redis = Dependency()
    redis.is_up = False
    redis.seconds = 29
    assert redis.told(times=3) == []

    redis.is_up = True

    assert redis.told() == []


def test_what_is_still_down_after_the_start_is_a_warning() -> None:
    redis = Dependency()
    redis.is_up = False
    redis.seconds = 30

    assert redis.told(times=2) == [("warning", "check_failed")]


def test_probe_that_is_answered_503_is_no_line_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    app, redis = Flask("process"), Dependency()
    redis.is_up = False
    errors.install(app)
    health.install(app, {"redis": redis.check})

    answer = app.test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"] == {"redis": "fail"}
    assert "request_failed" not in caplog.text


def test_details_are_shown_and_decide_nothing() -> None:
    def details() -> dict[str, int]:
        if not dependency.is_up:
            raise ConnectionError("nobody answers")
        return {"waiting": 3}

    dependency, app = Dependency(), Flask(__name__)
    health.install(app, {}, details=details)
    client = app.test_client()

    shown = client.get("/readyz").json
    dependency.is_up = False
    without = client.get("/readyz")

    assert shown == {"status": "pass", "checks": {}, "details": {"waiting": 3}}
    assert (without.status_code, without.json["details"]) == (200, {})
