"""Several mail servers: which is tried when, and what happens when one fails."""

import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Flask

from services.notifications.delivery import draining
from services.notifications.delivery.sender import shuffled
from services.notifications.deps import deps
from services.notifications.settings import NotificationsSettings
from services.notifications.smtp import servers
from shared.chassis.settings import SettingsError
from shared.chassis.testing.engines import wait_until
from tests.mailbox_process import HOST, Mailbox
from tests.notifications.conftest import MakeApp
from tests.notifications.sink import Sink
from tests.notifications.test_api import send
from tests.notifications.test_content import take_code
from tests.notifications.test_delivery import attempt, attempt_until_it_ends, show


@pytest.fixture
def two(make_app: MakeApp, settings: NotificationsSettings, mailbox: Mailbox, sink: Sink) -> Flask:
    """The mailbox first, and a sink for what it does not take."""
    return make_app(
        with_servers(settings, server("first", mailbox.smtp_port), server("second", sink.port, order=1))
    )


def server(name: str, port: int, **values: Any) -> dict[str, Any]:
    return {"name": name, "host": HOST, "port": port, "security": "none", **values}


def with_servers(settings: NotificationsSettings, *named: dict[str, Any]) -> NotificationsSettings:
    changes = {"smtp_servers": orjson.dumps(named).decode(), "smtp_host": None}
    return NotificationsSettings.model_validate({**settings.model_dump(by_alias=False), **changes})


@pytest.mark.parametrize(
    "switches",
    [
        {"drop_at": "connect"},
        {"reject_rate": 1, "reject_at": "mail", "reject_code": 550},
        {"reject_rate": 1, "reject_at": "rcpt", "reject_code": 421},
        {
            "reject_rate": 1,
            "reject_at": "rcpt",
            "reject_code": 554,
            "reject_text": "5.7.1 Relay access denied",
        },
        {"drop_at": "rcpt"},
        {"drop_at": "data"},
    ],
)
def test_next_server_takes_the_message_in_the_same_attempt_where_nothing_was_handed_over(
    two: Flask, mailbox: Mailbox, sink: Sink, as_sender: dict[str, str], switches: dict[str, Any]
) -> None:
    mailbox.chaos(**switches)
    client = two.test_client()
    message_id = send(client, as_sender)

    attempt(two, message_id)

    shown = show(client, as_sender, message_id)
    assert (shown["status"], shown["attempts"], shown["timeline"][-1]["server"]) == ("sent", 1, "second")
    assert (len(mailbox.messages()), sink.count()) == (0, 1)


@pytest.mark.parametrize(
    ("switches", "status", "arrived"),
    [
        ({"reject_rate": 1, "reject_at": "rcpt", "reject_code": 550}, "failed", 0),
        ({"reject_rate": 1, "reject_at": "rcpt", "reject_code": 450}, "retrying", 0),
        ({"drop_at": "after_data"}, "outcome_unknown", 1),
    ],
)
def test_next_server_is_not_asked_where_the_first_has_judged_or_may_have_taken_the_message(
    two: Flask,
    mailbox: Mailbox,
    sink: Sink,
    as_sender: dict[str, str],
    switches: dict[str, Any],
    status: str,
    arrived: int,
) -> None:
    mailbox.chaos(**switches)
    client = two.test_client()
    message_id = send(client, as_sender)

    attempt(two, message_id)

    shown = show(client, as_sender, message_id)
    assert (shown["status"], shown["timeline"][-1]["server"]) == (status, "first")
    assert (len(mailbox.messages()), sink.count()) == (arrived, 0)


def test_server_that_does_not_relay_for_us_keeps_its_turn_and_is_named_in_the_log(
    two: Flask,
    mailbox: Mailbox,
    sink: Sink,
    as_sender: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    mailbox.chaos(
        reject_rate=1,
        reject_at="rcpt",
        reject_code=554,
        reject_text="5.7.1 Relay access denied",
        only_to="@elsewhere.example",
    )
    client = two.test_client()

    for _ in range(4):
        attempt(two, send(client, as_sender, to={"email": "ada@elsewhere.example"}))
    attempt(two, send(client, as_sender))

    assert (len(mailbox.messages()), sink.count()) == (1, 4)
    assert caplog.text.count("mail_server_refused_us") == 4


def test_server_that_fails_again_and_again_is_left_alone_and_urgent_messages_never_try_it_out(
    two: Flask, mailbox: Mailbox, sink: Sink, as_sender: dict[str, str]
) -> None:
    mailbox.chaos(drop_at="connect")
    client = two.test_client()
    for _ in range(3):
        attempt(two, send(client, as_sender))
    with two.app_context():
        breaker = deps().sender.outlets[0].breaker
        opened = breaker.state
        breaker._open_until = 0.0
    mailbox.clear()

    attempt(two, take_code(two))
    after_an_urgent_one = breaker.state
    attempt(two, send(client, as_sender))

    assert (opened, after_an_urgent_one, breaker.state) == ("open", "half_open", "closed")
    assert (len(mailbox.messages()), sink.count()) == (1, 4)


def test_next_server_takes_the_messages_while_the_first_hangs_in_every_slot(
    make_app: MakeApp,
    settings: NotificationsSettings,
    mailbox: Mailbox,
    sink: Sink,
    as_sender: dict[str, str],
) -> None:
    patient = settings.model_copy(update={"smtp_timeout_seconds": 50, "attempt_lease_seconds": 60})
    pair = (server("first", mailbox.smtp_port), server("second", sink.port, order=1))
    two = make_app(with_servers(patient, *pair))
    client = two.test_client()
    for number in range(2):
        send(client, as_sender, to={"email": f"ada@slow-{number}.example"})
    mailbox.chaos(hang_at="rcpt")

    def drain() -> None:
        with two.app_context():
            draining.drain("normal")

    with two.app_context():
        slots = deps().slots
    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: slots._free["normal"] == 0 and slots.free("normal") == 1, what="a stuck lane")
    quick = [send(client, as_sender, to={"email": f"ada@quick-{number}.example"}) for number in range(3)]
    drain()
    arrived = set(sink.recipients())
    mailbox.chaos()
    for thread in threads:
        thread.join()

    assert arrived == {f"ada@quick-{number}.example" for number in range(3)}
    assert [show(client, as_sender, message_id)["attempts"] for message_id in quick] == [1, 1, 1]


def test_server_is_given_no_more_than_its_rate_and_the_next_one_takes_the_rest(
    make_app: MakeApp,
    settings: NotificationsSettings,
    mailbox: Mailbox,
    sink: Sink,
    as_sender: dict[str, str],
) -> None:
    first = server("first", mailbox.smtp_port, per_day=2)
    app = make_app(with_servers(settings, first, server("second", sink.port, order=1)))
    client = app.test_client()

    for _ in range(4):
        attempt_until_it_ends(app, client, as_sender, send(client, as_sender))

    assert (len(mailbox.messages()), sink.count()) == (2, 2)


def test_what_a_server_was_given_today_is_known_to_the_next_worker(
    make_app: MakeApp, settings: NotificationsSettings, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    limited = with_servers(settings, server("only", mailbox.smtp_port, per_day=1))
    app = make_app(limited)
    client = app.test_client()
    attempt(app, send(client, as_sender))

    next_worker = make_app(limited)
    attempt(next_worker, send(client, as_sender))

    with next_worker.app_context():
        assert not deps().sender.is_available()
    assert len(mailbox.messages()) == 1


def test_server_of_a_sender_domain_comes_first_and_one_of_another_never(
    make_app: MakeApp,
    settings: NotificationsSettings,
    mailbox: Mailbox,
    sink: Sink,
    as_sender: dict[str, str],
) -> None:
    other = server("other", mailbox.smtp_port, sender_domains=["example.org"])
    mine = server("mine", sink.port, order=9, sender_domains=["doorward.test"])
    app = make_app(with_servers(settings, other, mine))
    client = app.test_client()

    attempt(app, send(client, as_sender))

    assert (len(mailbox.messages()), sink.count()) == (0, 1)


def test_heavier_servers_are_first_more_often(settings: NotificationsSettings) -> None:
    class Pool:
        def __init__(self, name: str, weight: int, order: int) -> None:
            self.name = name
            self.server = servers.SmtpServer(name=name, host=HOST, weight=weight, order=order)

    pools: list[Any] = [Pool("light", 1, 1), Pool("heavy", 9, 1), Pool("first", 1, 0)]

    turns = [[pool.name for pool in shuffled(pools)] for _ in range(500)]

    assert {names[0] for names in turns} == {"first"}
    assert 400 < sum(names[1] == "heavy" for names in turns) < 490


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("no json", "must be a JSON list of servers"),
        ("{}", "must be a JSON list of servers"),
        ('[{"host": "a"}, {"host": "b"}]', "each server needs a name of its own"),
        ('[{"host": "a", "port": 0}]', "server 1, port: "),
        ('[{"name": "x"}]', "server 1, host: "),
        ('[{"host": "a", "surprise": 1}]', "server 1, surprise: "),
        ('[{"host": "a", "username": "u"}]', "server 1, itself: a username needs a password"),
        ('[{"host": "a", "client_key": "k"}]', "server 1, itself: a client_key needs a client_certificate"),
    ],
)
def test_mistake_in_the_servers_is_named_in_one_sentence(value: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"server|must be") as caught:
        servers.parse(value)

    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    "value",
    [
        '[{"password": "open sesame"',
        '[{"password": "open sesame", "username": "u", "host": "a"}, {"host": "b"}]',
        '[{"password": "open sesame", "username": "u", "host": "a", "security": "ssl"}]',
    ],
)
def test_mistake_in_the_servers_is_all_that_is_said_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("NOTIFICATIONS_SMTP_SERVERS", value)
    monkeypatch.delenv("NOTIFICATIONS_SMTP_HOST", raising=False)

    with pytest.raises(SettingsError) as caught:
        NotificationsSettings.load()

    said = str(caught.value)
    assert said.count("NOTIFICATIONS_SMTP") == 1
    assert "sesame" not in said


def test_password_file_is_read_at_every_sign_in(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    named = servers.SmtpServer(host="a", username="u", password_file=file)

    first = named.secret()
    file.write_text("two\n")

    assert (first, named.secret()) == ("one", "two")


@pytest.mark.parametrize(("username", "password"), [("", ""), ("ada", ""), ("", "x"), (None, None)])
def test_nobody_signs_in_where_compose_passes_empty_text(
    settings: NotificationsSettings, username: str | None, password: str | None
) -> None:
    changes = {"smtp_username": username, "smtp_password": password, "smtp_servers": ""}
    values = {**settings.model_dump(by_alias=False), **changes}

    (only,) = NotificationsSettings.model_validate(values).servers

    assert (only.username, only.password) == (None, None)
