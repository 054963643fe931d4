"""Breached passwords: looked up in a list and at a service, neither of which may keep anybody waiting."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from pydantic import HttpUrl

from services.auth.passwords.breach_file import BreachFile, BreachFileInvalid
from services.auth.passwords.breach_service import (
    LONGEST_ANSWER_BYTES,
    BreachService,
    BreachServiceUnavailable,
)
from services.auth.passwords.breaches import Breaches
from services.auth.settings import AuthSettings
from shared.chassis.settings import SettingsError
from shared.chassis.testing.tokens import OWN_SECRET, SECRET
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person

STOLEN = "stolen-teapot-58-orchard"
NEXT = "quiet-meadow-41-lantern"
SECONDS = 0.3
Answer = Callable[[BaseHTTPRequestHandler, str], None]


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def write_list(path: Path, hashes: list[str], line: str = "{}:{}\r\n") -> Path:
    path.write_text(
        "".join(line.format(each, index) for index, each in enumerate(sorted(hashes), 1)), newline=""
    )
    return path


# The list -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["{}:{}\r\n", "{}:{}\n", "{}\n"])
@pytest.mark.parametrize("count", [1, 2, 3, 1000])
def test_list_is_searched_to_its_first_and_last_line(tmp_path: Path, line: str, count: int) -> None:
    hashes = [sha1(f"password-{number}") for number in range(count)]
    file = BreachFile(write_list(tmp_path / "list", hashes, line))

    file.check()

    assert all(file.has(each) and file.has(each.lower()) for each in hashes)
    assert not any(file.has(sha1(f"other-{number}")) for number in range(500))
    assert not file.has("0" * 40)
    assert not file.has("F" * 40)


def test_list_without_a_last_line_end_is_searched_too(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(f"{'0' * 40}:7\n{sha1(STOLEN)}:1")

    assert BreachFile(path).has(sha1(STOLEN))


def test_huge_list_is_not_read_whole(tmp_path: Path) -> None:
    """A terabyte, most of it a hole, which is no list: whoever reads it through does not come back."""
    path = write_list(tmp_path / "list", [sha1(str(number)) for number in range(100)])
    tail = b"\n" + b"F" * 40 + b":1\n"
    with path.open("r+b") as file:
        file.truncate(10**12)
        file.seek(-len(tail), os.SEEK_END)
        file.write(tail)

    with pytest.raises(BreachFileInvalid, match="no SHA-1 hash"):
        BreachFile(path).check()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"{'B' * 40}:1\n{'A' * 40}:9\n", "ascending"),
        ("password\n123456\n", "no SHA-1 hash"),
        (f"{'A' * 32}:1\n", "no SHA-1 hash"),  # NTLM hashes, which are handed out beside these
        ("", "no SHA-1 hash"),
        (None, "No such file"),
    ],
)
def test_what_is_no_list_stops_the_start(
    settings: AuthSettings, tmp_path: Path, content: str | None, reason: str
) -> None:
    path = tmp_path / "list"
    if content is not None:
        path.write_text(content)

    with pytest.raises(SettingsError, match=reason):
        Breaches.from_settings(settings.model_copy(update={"breached_passwords_file": path}))


# The service --------------------------------------------------------------------------------------


class RangeService:
    """A range service on the loopback; ``answer`` is what it does with a question."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer: Answer = knows(STOLEN)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.asked.append(
                    (self.path, {name.lower(): value for name, value in self.headers.items()})
                )
                service.answer(self, self.path.rpartition("/")[2])

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/range"
        threading.Thread(target=partial(self._server.serve_forever, poll_interval=0.05), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def knows(password: str, count: int = 3) -> Answer:
    """The service as it should be: every hash with the prefix, and padding."""

    def answer(handler: BaseHTTPRequestHandler, prefix: str) -> None:
        lines = [f"{'0' * 34}{number}:0" for number in range(5)]
        if sha1(password).startswith(prefix):
            lines.append(f"{sha1(password)[5:]}:{count}")
        send(handler, "\r\n".join(sorted(lines)).encode())

    return answer


def never(handler: BaseHTTPRequestHandler, _prefix: str) -> None:
    """Take the question and say nothing until the client has left."""
    handler.connection.recv(1)


def drip(handler: BaseHTTPRequestHandler, _prefix: str) -> None:
    """Answer a line at a time, each soon enough, and never come to an end."""
    handler.send_response(200)
    handler.end_headers()
    stopped = threading.Event()
    while not stopped.wait(SECONDS / 10):
        try:
            handler.wfile.write(b"A" * 35 + b":1\r\n")
        except OSError:
            stopped.set()


def flood(handler: BaseHTTPRequestHandler, _prefix: str) -> None:
    send(handler, b"A" * 35 + b":1\r\n" + b"\r\n" * LONGEST_ANSWER_BYTES)


def elsewhere(handler: BaseHTTPRequestHandler, prefix: str) -> None:
    send(handler, b"", 302, Location=f"/elsewhere/{prefix}")


BROKEN: dict[str, Answer] = {
    "silent": never,
    "dripping": drip,
    "too long": flood,
    "broken": lambda handler, _: send(handler, b"oops", 500),
    "refusing": lambda handler, _: send(handler, b"slow down", 429),
    "sending elsewhere": elsewhere,
    "a captive portal": lambda handler, _: send(handler, b"<html>Please sign in</html>"),
    "empty": lambda handler, _: send(handler, b""),
    "in no text we know": lambda handler, _: send(handler, b"\xff\xfe" * 40),
    "half a list": lambda handler, _: send(handler, b"A" * 35 + b":1\r\nB"),
    "shorter than it said": lambda handler, _: send(handler, b"A", **{"Content-Length": "500"}),
}


@pytest.fixture
def service() -> Iterator[RangeService]:
    service = RangeService()
    yield service
    service.stop()


def test_service_learns_five_digits_and_nothing_else(service: RangeService) -> None:
    client = BreachService(service.url, seconds=5)

    assert client.has(sha1(STOLEN))
    assert not client.has(sha1(NEXT))

    for (path, headers), password in zip(service.asked, (STOLEN, NEXT), strict=True):
        assert path == f"/range/{sha1(password)[:5]}"
        assert headers["add-padding"] == "true"
        assert not any(sha1(password)[5:12] in value.upper() for value in headers.values())


def test_padding_is_not_taken_for_a_breach(service: RangeService) -> None:
    service.answer = knows(STOLEN, count=0)

    assert not BreachService(service.url, seconds=5).has(sha1(STOLEN))


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_service_that_is_not_well_is_told_apart_from_one_that_does_not_know(
    service: RangeService, answer: Answer
) -> None:
    service.answer = answer

    with pytest.raises(BreachServiceUnavailable) as raised:
        BreachService(service.url, seconds=SECONDS).has(sha1(STOLEN))

    assert sha1(STOLEN)[:5] not in str(raised.value)
    assert all(path.startswith("/range/") for path, _ in service.asked)


def test_service_on_plain_http_is_refused() -> None:
    values: dict[str, Any] = {
        "jwt_secret_key": SECRET,
        "secret_key": OWN_SECRET,
        "redis_url": "redis://127.0.0.1",
        "public_url": "http://127.0.0.1",
        "database_url": "postgresql://127.0.0.1/auth",
    }

    with pytest.raises(ValueError, match="https://"):
        AuthSettings(**values, breached_passwords_url="http://range.example.org/range")


# Both, where passwords are chosen -----------------------------------------------------------------


@pytest.fixture
def settings(
    settings: AuthSettings, service: RangeService, tmp_path: Path, request: pytest.FixtureRequest
) -> AuthSettings:
    sources = {
        "file": {"breached_passwords_file": write_list(tmp_path / "stolen", [sha1(STOLEN), sha1("another")])},
        "service": {"breached_passwords_url": HttpUrl(service.url), "breached_passwords_seconds": SECONDS},
        "neither": {},
    }
    return settings.model_copy(update=sources[getattr(request, "param", "neither")])


def choices(person: Person, mailbox: Mailbox, password: str) -> list[Any]:
    """Every way to choose a password, tried with this one."""
    person.post("password/forgot", email=person.email)
    code, token = mailbox.code("password_reset"), mailbox.token("password_reset")
    change = {"current_password": PASSWORD, "new_password": password}
    return [
        person.post("register", email="eve@example.org", password=password),
        person.post("password/reset", email=person.email, code=code, password=password),
        person.post("password/reset", token=token, password=password),
        person.call("POST", "password/change", **change),
    ]


@pytest.mark.parametrize("settings", ["file", "service"], indirect=True)
def test_breached_password_is_refused_wherever_one_is_chosen(
    new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()

    answers = choices(ada, mailbox, STOLEN)

    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [
        (422, "password_breached")
    ] * 4
    pointers = [answer.json["errors"][0]["pointer"] for answer in answers]
    assert pointers == ["/password", "/password", "/password", "/new_password"]
    reset = ada.post("password/reset", token=mailbox.token("password_reset"), password=NEXT)
    assert reset.status_code == 204  # the refusals have not used the link up


@pytest.mark.parametrize("settings", ["service"], indirect=True)
@pytest.mark.parametrize("answer", [never, BROKEN["broken"], BROKEN["a captive portal"]])
def test_service_that_is_away_keeps_nobody_from_choosing(
    stranger: NewPerson, service: RangeService, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer = answer
    failed = counted("failed")

    statuses = [
        stranger(email).post("register", email=email, password=STOLEN).status_code
        for email in ("a@example.org", "b@example.org")
    ]

    assert statuses == [202, 202]
    assert counted("failed") - failed == 1  # and the second does not wait for it any more
    assert len(service.asked) == 1
    assert "breach_check_failed" in caplog.text
    assert sha1(STOLEN)[:5] not in caplog.text


@pytest.mark.parametrize("settings", ["file"], indirect=True)
def test_list_that_has_gone_keeps_nobody_from_choosing(
    app: Flask, stranger: NewPerson, settings: AuthSettings
) -> None:
    assert settings.breached_passwords_file is not None
    settings.breached_passwords_file.unlink()

    assert stranger().post("register", email="a@example.org", password=STOLEN).status_code == 202


def counted(outcome: str, source: str = "service") -> float:
    labels = {"source": source, "outcome": outcome}
    return REGISTRY.get_sample_value("doorward_breached_password_checks_total", labels) or 0.0
