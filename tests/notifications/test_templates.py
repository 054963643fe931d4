"""Templates of the team: kept by version, checked before they are stored, rendered as they were accepted."""

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.notifications.delivery import bells
from services.notifications.deps import deps
from services.notifications.models import db
from services.notifications.rendering import built_in, rendering, version_choice
from services.notifications.rendering.versions import Source
from services.notifications.settings import NotificationsSettings
from services.notifications.templating.wordings import Wording
from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import access_token, bearer
from tests.mailbox_process import Mailbox
from tests.notifications.conftest import MakeApp
from tests.notifications.test_api import MAIL, NOTIFICATIONS
from tests.notifications.test_content import take_code
from tests.notifications.test_delivery import attempt_until_it_ends

TEMPLATES = f"{NOTIFICATIONS}/templates"
WELCOME = {
    "name": "welcome",
    "subject": "Welcome, {{ who }}",
    "markdown": "Hello **{{ who }}**.\n\n{{ more|default('') }}",
}


@pytest.fixture
def welcome(client: FlaskClient, as_admin: dict[str, str]) -> dict[str, Any]:
    """A template that the team has written."""
    answer = client.post(TEMPLATES, json=WELCOME, headers=as_admin)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json
    return shown


def send(client: FlaskClient, headers: dict[str, str], **variables: str) -> Any:
    body = {"template": "welcome", "to": {"email": "ada@example.org"}, "variables": variables}
    return client.post(NOTIFICATIONS, json=body, headers=headers)


def test_new_template_shows_what_it_takes(welcome: dict[str, Any]) -> None:
    schema = welcome["variables_schema"]

    assert (welcome["version"], welcome["is_built_in"], welcome["locales"]) == (1, False, ["en"])
    assert (schema["required"], sorted(schema["properties"])) == (["who"], ["more", "who"])
    assert schema["additionalProperties"] is False
    assert [version["version"] for version in welcome["versions"]] == [1]


def test_message_renders_the_version_that_it_was_accepted_with(
    app: Flask,
    client: FlaskClient,
    as_admin: dict[str, str],
    as_sender: dict[str, str],
    welcome: dict[str, Any],
    mailbox: Mailbox,
) -> None:
    before = send(client, as_sender, who="Ada").json["id"]
    changed = client.put(
        f"{TEMPLATES}/welcome", json={"subject": "New", "text": "{{ other }}"}, headers=as_admin
    ).json
    refused = send(client, as_sender, who="Ada")
    after = send(client, as_sender, other="text").json["id"]
    client.delete(f"{TEMPLATES}/welcome", headers=as_admin)

    shown = [attempt_until_it_ends(app, client, as_sender, each) for each in (before, after)]

    assert [mail["template_version"] for mail in shown] == [1, 2]
    assert {mail["subject"] for mail in mailbox.messages()} == {"Welcome, Ada", "New"}
    assert changed["version"] == 2
    pointers = [(mistake["pointer"], mistake["detail"]) for mistake in refused.json["errors"]]
    assert (refused.status_code, refused.json["code"]) == (422, "variables_invalid")
    assert [pointer for pointer, _ in pointers] == ["/variables/other", "/variables/who"]
    assert send(client, as_sender, other="text").json["code"] == "template_unknown"


def test_nothing_is_stored_of_a_message_whose_variables_are_wrong(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], welcome: dict[str, Any]
) -> None:
    answers = [send(client, as_sender), send(client, as_sender, who="Ada", extra="x")]

    assert [answer.status_code for answer in answers] == [422, 422]
    with app.app_context():
        assert db.session.scalar(text("SELECT count(*) FROM messages")) == 0


def test_message_accepted_with_a_text_of_ours_keeps_it_when_a_release_changes_it(
    app: Flask,
    client: FlaskClient,
    as_admin: dict[str, str],
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = take_code(app)
    blocks = (
        "{% extends layout %}{% block subject %}Other words{% endblock %}"
        "{% block lead %}{{ code }}{% endblock %}"
    )
    newer = Source({"en": Wording(blocks=blocks)}, lane="urgent")
    with app.app_context():
        deps().template_cache.built_in.clear()
    monkeypatch.setattr(built_in, "source", lambda _name: newer)
    after = take_code(app)

    shown = [attempt_until_it_ends(app, client, as_admin, each) for each in (before, after)]

    assert [mail["template_version"] for mail in shown] == [1, 2]
    assert sorted(mail["subject"] for mail in mailbox.messages()) == [
        "Confirm your email address",
        "Other words",
    ]


def test_mail_of_ours_is_worded_anew_and_then_as_before(
    app: Flask, client: FlaskClient, as_admin: dict[str, str], mailbox: Mailbox
) -> None:
    target = f"{TEMPLATES}/verify_email"
    wording = {"locale": "de", "subject": "Willkommen", "text": "Ihr Code:\n\n{{ code }}\n"}

    put = client.put(target, json=wording, headers=as_admin).json
    attempt_until_it_ends(app, client, as_admin, take_code(app, locale="de-AT"))
    attempt_until_it_ends(app, client, as_admin, take_code(app, to_email="eve@example.org"))
    client.delete(target, headers=as_admin)
    attempt_until_it_ends(app, client, as_admin, take_code(app, to_email="bob@example.org", locale="de"))

    subjects = {mail["to"][0]: mail["subject"] for mail in mailbox.messages()}
    assert put["locales"] == ["de", "en", "es", "fr"]
    assert (put["is_own"], put["is_internal"], put["lane"]) == (True, True, "urgent")
    assert subjects["ada@example.org"] == "Willkommen"
    assert subjects["eve@example.org"] == "Confirm your email address"
    assert subjects["bob@example.org"] not in {"Willkommen", subjects["eve@example.org"]}
    assert client.delete(target, headers=as_admin).json["code"] == "template_not_found"


def test_same_template_again_is_no_new_version(
    client: FlaskClient, as_admin: dict[str, str], welcome: dict[str, Any]
) -> None:
    other = {"subject": "Other", "text": "x"}
    first = {name: WELCOME[name] for name in ("subject", "markdown")}

    numbers = [
        client.put(f"{TEMPLATES}/welcome", json=body, headers=as_admin).json["version"]
        for body in (first, other, first)
    ]

    assert numbers == [1, 2, 1]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "welcome", "subject": "s", "text": "t"}, 409, "template_exists"),
        ({"name": "message", "subject": "s", "text": "t"}, 409, "template_exists"),
        ({"name": "Bad Name", "subject": "s", "text": "t"}, 422, "validation_failed"),
        ({"name": "other"}, 422, "validation_failed"),
        ({"name": "other", "text": "t", "languages": {"en": {}}}, 422, "validation_failed"),
        (
            {"name": "other", "languages": {tag: {"subject": "s", "text": "t"} for tag in ("en", "EN")}},
            422,
            "validation_failed",
        ),
        ({"name": "other", "text": "t"}, 422, "template_invalid"),
        ({"name": "other", "subject": "{{ x", "text": "t"}, 422, "template_invalid"),
        ({"name": "other", "subject": "s", "text": "NUL \0"}, 422, "validation_failed"),
        ({"name": "other", "subject": "s", "text": "t", "lane": "fast"}, 422, "validation_failed"),
    ],
)
def test_template_that_cannot_be_taken_is_refused(
    client: FlaskClient,
    as_admin: dict[str, str],
    welcome: dict[str, Any],
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    answer = client.post(TEMPLATES, json=body, headers=as_admin)

    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_name_that_is_none_is_refused_by_put_too(client: FlaskClient, as_admin: dict[str, str]) -> None:
    answer = client.put(f"{TEMPLATES}/Bad name", json={"subject": "s", "text": "t"}, headers=as_admin)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/name")


@pytest.mark.parametrize("name", ["a\0b", "A", "x" * 65])
def test_what_is_no_name_is_no_template(
    client: FlaskClient, as_admin: dict[str, str], as_sender: dict[str, str], name: str
) -> None:
    body = {"template": name, "to": {"email": "ada@example.org"}}
    target = f"{TEMPLATES}/{quote(name)}"

    answers = [client.get(target, headers=as_admin), client.delete(target, headers=as_admin)]
    sent = client.post(NOTIFICATIONS, json=body, headers=as_sender)

    assert [answer.status_code for answer in answers] == [404, 404]
    assert sent.json["code"] in {"template_unknown", "validation_failed"}


def test_template_that_cannot_be_rendered_with_these_variables_says_so(
    client: FlaskClient, as_admin: dict[str, str]
) -> None:
    draft = {"subject": "s", "text": "{% if a == 'y' %}{{ a + 1 }}{% endif %}", "variables": {"a": "y"}}

    answer = client.post(f"{TEMPLATES}/other/preview", json=draft, headers=as_admin)

    assert (answer.status_code, answer.json["code"]) == (422, "template_invalid")


def test_every_language_at_once_takes_the_place_of_all(
    client: FlaskClient, as_admin: dict[str, str], welcome: dict[str, Any]
) -> None:
    languages = {tag: {"subject": tag, "text": f"{{{{ {tag} }}}}"} for tag in ("fr", "de")}

    put = client.put(
        f"{TEMPLATES}/welcome",
        json={"languages": languages, "lane": "bulk", "on_unknown": "send_again"},
        headers=as_admin,
    ).json

    assert (put["locales"], put["lane"], put["on_unknown"]) == (["de", "fr"], "bulk", "send_again")
    assert put["variables_schema"]["required"] == ["de", "fr"]
    old = client.get(f"{TEMPLATES}/welcome?version=1", headers=as_admin).json
    assert list(old["languages"]) == ["en"]
    assert client.get(f"{TEMPLATES}/welcome?version=9", headers=as_admin).status_code == 404


def test_template_without_english_is_read_in_what_there_is() -> None:
    source = Source({"fr": Wording(subject="s", text="t"), "de": Wording(subject="s", text="t")})

    assert [rendering.best_locale(source, locale) for locale in ("it", "fr-CA")] == ["de", "fr"]


def test_preview_shows_a_template_a_version_and_a_draft(
    client: FlaskClient, as_admin: dict[str, str], welcome: dict[str, Any]
) -> None:
    target = f"{TEMPLATES}/welcome/preview"
    client.put(f"{TEMPLATES}/welcome", json={"subject": "New", "text": "x"}, headers=as_admin)
    draft = {"subject": "Draft {{ a }}", "text": "x", "variables": {"a": "1"}}
    bodies = [{}, {"version": 1, "variables": {"who": "Ada"}}, draft]

    found = [client.post(target, json=body, headers=as_admin).json["subject"] for body in bodies]
    missing = client.post(target, json={"version": 1}, headers=as_admin)
    unknown = client.post(target, json={"version": 7}, headers=as_admin)
    nobody = client.post(f"{TEMPLATES}/nobody/preview", json={}, headers=as_admin)

    assert found == ["New", "Welcome, Ada", "Draft 1"]
    assert missing.json["errors"][0]["pointer"] == "/variables/who"
    assert [unknown.status_code, nobody.status_code] == [404, 404]
    assert len(client.get(f"{TEMPLATES}/welcome", headers=as_admin).json["versions"]) == 2


def test_test_mail_goes_to_whoever_asks_and_to_nobody_else(
    app: Flask, client: FlaskClient, mailbox: Mailbox
) -> None:
    account_id = new_id()
    me = bearer(access_token(account_id, roles=("admin",)))
    body = {"variables": {"code": "314159", "link": "https://x.example", "minutes": "1", "hours": "1"}}
    target = f"{TEMPLATES}/password_reset/test"
    unknown = client.post(target, json=body, headers=me)
    with app.app_context():
        statement = (
            "INSERT INTO recipients (account_id, email, locale, told_at) VALUES (:id, :email, 'fr', now())"
        )
        db.session.execute(text(statement), {"id": account_id, "email": "me@example.org"})
        db.session.commit()

    answer = client.post(target, json=body, headers=me)
    shown = attempt_until_it_ends(app, client, me, answer.json["id"])

    assert unknown.json["code"] == "recipient_unknown"
    assert (answer.status_code, shown["lane"], shown["locale"]) == (202, "normal", "fr")
    assert [mail["to"] for mail in mailbox.messages()] == [["me@example.org"]]


def test_link_that_only_the_template_makes_one_is_checked(
    client: FlaskClient, as_admin: dict[str, str], as_sender: dict[str, str]
) -> None:
    body = {"name": "welcome", "subject": "s", "markdown": "[go]({{ target }})"}
    client.post(TEMPLATES, json=body, headers=as_admin)

    refused = send(client, as_sender, target="https://evil.example/")
    taken = send(client, as_sender, target="https://127.0.0.1/")

    assert (refused.status_code, refused.json["code"]) == (422, "link_refused")
    assert refused.json["errors"][0]["pointer"] == "/variables/target"
    assert taken.status_code == 202


def test_list_has_ours_and_the_team_s(
    client: FlaskClient, as_admin: dict[str, str], as_nobody: dict[str, str], welcome: dict[str, Any]
) -> None:
    items = {item["name"]: item for item in client.get(TEMPLATES, headers=as_admin).json["items"]}

    assert items["welcome"]["is_own"]
    assert items["message"]["variables_schema"]["required"] == ["subject", "text"]
    assert items["verify_email"]["is_internal"]
    assert client.get(TEMPLATES, headers=as_nobody).status_code == 403


def test_message_of_a_release_without_versions_is_rendered_by_our_own_texts(
    make_app: MakeApp, settings: NotificationsSettings
) -> None:
    app = make_app(settings)
    with app.app_context():
        version, unknown = version_choice.find("verify_email", 1), version_choice.find("nobody", 1)

    assert version is not None
    assert version.source.as_dict() == built_in.source("verify_email").as_dict()
    assert unknown is None


def test_template_that_this_release_cannot_read_fails_its_own_messages_alone(
    app: Flask,
    client: FlaskClient,
    as_admin: dict[str, str],
    as_sender: dict[str, str],
    welcome: dict[str, Any],
    mailbox: Mailbox,
) -> None:
    fails, lost = (send(client, as_sender, who=who).json["id"] for who in ("Ada", "Grace"))
    other = client.post(NOTIFICATIONS, json=MAIL, headers=as_sender).json["id"]
    with app.app_context():
        broken = """{"languages": {"en": {"subject": "{{ who|none }}", "text": "t"}}, "lane": "normal",
                     "on_unknown": null}"""
        db.session.execute(
            text("UPDATE template_versions SET source = :source WHERE name = 'welcome'"), {"source": broken}
        )
        db.session.execute(
            text("UPDATE deliveries SET status = 'sending', lease_until = now() WHERE message_id = :id"),
            {"id": lost},
        )
        db.session.commit()
        deps().template_cache.versions.clear()
        bells.end_lost()

    shown = [attempt_until_it_ends(app, client, as_sender, each) for each in (fails, lost, other)]
    listed = client.get(TEMPLATES, headers=as_admin)
    anew = client.put(f"{TEMPLATES}/welcome", json={"subject": "s", "text": "{{ who }}"}, headers=as_admin)

    assert [mail["status"] for mail in shown] == ["failed", "failed", "sent"]
    assert [mail["reason"] for mail in shown[:2]] == ["not_renderable"] * 2
    assert (listed.status_code, anew.status_code) == (200, 200)
    assert send(client, as_sender, who="Ada").status_code == 202
