"""Logs: a line is one JSON object, whoever wrote it, and holds nothing that has to stay secret."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from shared.chassis import logs, tracing

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
SECRETS = {
    "a token": (f"got {TOKEN}", "c2lnbmF0dXJl"),
    "a header": ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
    "basic": ("basic YWRhOm9wZW4gc2VzYW1l", "YWRhOm9wZW4gc2VzYW1l"),
    "a URL": ("redis://user:open-sesame@host:6379/0", "open-sesame"),
    "an address": ("550 <ada.lovelace@example.org> unknown", "ada.lovelace"),
}
KEYS = (
    "password",
    "new_password",
    "client_secret",
    "access_token",
    "Authorization",
    "cookie",
    "api_key",
    "code",
)


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Other tests keep theirs, and leave no trace here."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    with tracing.tracing(None):  # type: ignore[arg-type]  # whatever a test before has adopted
        yield
    root.handlers[:], root.level = before, level


@pytest.fixture
def output() -> io.StringIO:
    """What a process writes to standard error."""
    return installed("INFO")


def installed(level: str) -> io.StringIO:
    logs.install("test", level)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    handler.setStream(stream)
    return stream


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in output.getvalue().splitlines()]


def test_event_is_one_line_with_its_fields_level_time_process_and_trace(output: io.StringIO) -> None:
    trace = tracing.from_headers({})
    with tracing.tracing(trace):
        logs.get_logger("a.module").info("mail_sent", attempt=1, server=None, is_ours=True)

    (line,) = lines(output)
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "mail_sent",
        "attempt": 1,
        "server": None,
        "is_ours": True,
        "level": "info",
        "process": "test",
        "request_id": trace.request_id,
        "trace_id": trace.trace_id,
    }


def test_line_of_a_library_is_such_a_line_too(output: io.StringIO) -> None:
    logging.getLogger("a.library").warning("%s of %d failed", {"a": 1}, 3)

    (line,) = lines(output)
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "{'a': 1} of 3 failed",
        "level": "warning",
        "logger": "a.library",
        "process": "test",
    }


def test_dict_that_a_library_logs_is_text(output: io.StringIO) -> None:
    logging.getLogger("a.library").warning({"password": TOKEN})

    (line,) = lines(output)
    assert line["event"] == "{'password': '[token]'}"
    assert line["level"] == "warning"


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_secret_in_a_text_is_masked_wherever_it_stands(output: io.StringIO, text: str, secret: str) -> None:
    log = logs.get_logger("a.module")

    log.info("happened", cause=text)
    log.info("happened", causes=[{"cause": text}, (text, 1)])
    log.info(text)
    logging.getLogger("a.library").info("said %s", text)
    try:
        int(text)
    except ValueError:
        log.exception("happened")
        logging.getLogger("a.library").exception("happened")

    assert len(lines(output)) == 6
    assert all("exception" in line for line in lines(output)[4:])
    assert secret not in output.getvalue()


@pytest.mark.parametrize("key", KEYS)
def test_field_with_a_secret_s_name_is_masked_wherever_it_stands(output: io.StringIO, key: str) -> None:
    log = logs.get_logger("a.module")

    log.info("happened", **{key: "open sesame"}, within={key: ["open sesame"]})

    (line,) = lines(output)
    assert (line[key], line["within"]) == ("[masked]", {key: "[masked]"})


def test_what_only_looks_like_a_secret_is_read(output: io.StringIO) -> None:
    logs.get_logger("a.module").info("happened", status_code=200, error_code="not_found", decoded="yes")

    (line,) = lines(output)
    assert (line["status_code"], line["error_code"], line["decoded"]) == (200, "not_found", "yes")


def test_level_decides_what_is_written() -> None:
    output = installed("WARNING")

    logs.get_logger("a.module").info("quiet")
    logging.getLogger("a.library").info("quiet")
    logs.get_logger("a.module").warning("loud")

    assert [line["event"] for line in lines(output)] == ["loud"]


def test_long_text_is_cut_and_a_strange_value_is_shown_as_text(output: io.StringIO) -> None:
    logs.get_logger("a.module").info("happened", text="x" * 10_000, kind=ValueError("no"), number={1: 2})

    (line,) = lines(output)
    assert (len(line["text"]), line["kind"], line["number"]) == (8192, "no", {"1": 2})
