"""A request that nobody waits for any more is refused before anything is done."""

import time

import pytest
from flask import Flask

from shared.chassis import deadlines, errors


@pytest.fixture
def app() -> Flask:
    app = Flask("deadlines")
    errors.install(app)
    deadlines.install(app)
    app.add_url_rule("/", "root", lambda: "done")
    return app


def test_a_request_past_its_deadline_is_refused(app: Flask) -> None:
    answer = app.test_client().get("/", headers={deadlines.HEADER: f"{time.time() - 1:.3f}"})

    assert (answer.status_code, answer.get_json()["code"]) == (504, "deadline_exceeded")


@pytest.mark.parametrize("value", [None, "", "soon", "nan", "-inf", "inf", "99999999999"])
def test_a_request_in_time_or_without_a_deadline_is_served(app: Flask, value: str | None) -> None:
    headers = {} if value is None else {deadlines.HEADER: value}

    assert app.test_client().get("/", headers=headers).text == "done"
