"""Topics: which there are, who may send about them, who may change them."""

import pytest
from flask.testing import FlaskClient

from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import access_token, bearer
from tests.notifications.test_api import MAIL, NOTIFICATIONS, send

TOPICS = f"{NOTIFICATIONS}/topics"
INVOICES = {"title": {"en": "Invoices", "de": "Rechnungen"}}


def test_topics_of_doorward_are_there_from_the_start(client: FlaskClient, as_nobody: dict[str, str]) -> None:
    items = client.get(TOPICS, headers=as_nobody).json["items"]

    assert [(item["name"], item["is_critical"]) for item in items] == [("general", False), ("security", True)]
    assert all(set(item["title"]) == {"en", "de", "es", "fr"} for item in items)


def test_topic_that_an_administrator_has_made_can_be_sent_about(
    client: FlaskClient, as_admin: dict[str, str], as_sender: dict[str, str]
) -> None:
    made = client.put(f"{TOPICS}/invoices", json=INVOICES, headers=as_admin)
    changed = client.put(f"{TOPICS}/invoices", json={"title": {"en": "Bills"}}, headers=as_admin)

    message_id = send(client, as_sender, topic="invoices")

    assert (made.status_code, made.json) == (
        200,
        {"name": "invoices", "is_critical": False, "channels": ["email"], **INVOICES},
    )
    assert changed.json["title"] == {"en": "Bills"}
    assert client.get(f"{NOTIFICATIONS}/{message_id}", headers=as_sender).json["topic"] == "invoices"


@pytest.mark.parametrize(("topic", "code"), [("none", "topic_unknown"), ("security", "topic_critical")])
def test_message_about_no_topic_or_a_critical_one_is_refused(
    client: FlaskClient, as_sender: dict[str, str], topic: str, code: str
) -> None:
    answer = client.post(NOTIFICATIONS, json={**MAIL, "topic": topic}, headers=as_sender)

    assert (answer.status_code, answer.json["code"]) == (422, code)


@pytest.fixture
def as_billing() -> dict[str, str]:
    """The headers of an API key that may send about two topics and no other."""
    scope = "notifications:send:invoices notifications:send:outages"
    return bearer(access_token(new_id(), claims={"scope": scope}))


def test_key_sends_about_the_topics_that_it_was_given_and_no_other(
    client: FlaskClient, as_admin: dict[str, str], as_billing: dict[str, str]
) -> None:
    for topic in ("invoices", "news"):
        client.put(f"{TOPICS}/{topic}", json=INVOICES, headers=as_admin)

    answers = [
        client.post(NOTIFICATIONS, json={**MAIL, **topic}, headers=as_billing)
        for topic in ({"topic": "invoices"}, {"topic": "news"}, {"topic": "none"}, {"topic": "outages"}, {})
    ]

    assert [(answer.status_code, answer.json.get("code")) for answer in answers] == [
        (202, None),
        (403, "topic_not_given"),
        (403, "topic_not_given"),
        (422, "topic_unknown"),
        (403, "topic_not_given"),
    ]


def test_critical_topic_of_a_team_is_for_keys_that_were_given_it_by_name(
    client: FlaskClient, as_admin: dict[str, str], as_sender: dict[str, str], as_billing: dict[str, str]
) -> None:
    client.put(f"{TOPICS}/outages", json={**INVOICES, "is_critical": True}, headers=as_admin)
    of_security = bearer(access_token(new_id(), claims={"scope": "notifications:send:security"}))

    send(client, as_billing, topic="outages")
    answers = [
        client.post(NOTIFICATIONS, json={**MAIL, "topic": topic}, headers=headers)
        for topic, headers in (("outages", as_sender), ("security", of_security))
    ]

    assert [answer.json["code"] for answer in answers] == ["topic_critical"] * 2


@pytest.mark.parametrize("call", ["", "/cancel", "/resend"])
def test_key_has_no_part_in_its_owner_s_messages_about_other_topics(client: FlaskClient, call: str) -> None:
    owner = new_id()
    whole, other, own = (
        bearer(access_token(owner, claims={"scope": f"notifications:send{topic}"}))
        for topic in ("", ":invoices", ":general")
    )
    message = f"{NOTIFICATIONS}/{send(client, whole)}{call}"
    ask = client.post if call else client.get

    assert ask(message, headers=other).status_code == 404
    assert ask(message, headers=own).status_code in (200, 409)


def test_key_gets_no_stored_answer_to_what_it_may_not_ask_for(client: FlaskClient) -> None:
    owner = new_id()
    whole, other, in_place = (
        bearer(access_token(owner, claims={"scope": f"notifications:send{topic}"}))
        for topic in ("", ":invoices", "")
    )
    once = {"Idempotency-Key": "42"}
    first = client.post(NOTIFICATIONS, json=MAIL, headers=whole | once)
    resend = f"{NOTIFICATIONS}/{first.json['id']}/resend"
    client.post(f"{NOTIFICATIONS}/{first.json['id']}/cancel", headers=whole)
    client.post(resend, headers=whole | once)

    answers = [
        (client.post(NOTIFICATIONS, json=MAIL, headers=key | once), client.post(resend, headers=key | once))
        for key in (other, in_place)
    ]

    assert [(sent.status_code, resent.status_code) for sent, resent in answers] == [(403, 404), (202, 202)]
    assert [sent.json.get("id") for sent, _resent in answers] == [None, first.json["id"]]


@pytest.mark.parametrize("scope", ["notifications:sendall", "notifications:send:", "notifications", ""])
def test_scope_that_only_looks_like_it_sends_nothing(client: FlaskClient, scope: str) -> None:
    headers = bearer(access_token(new_id(), claims={"scope": scope}))

    assert client.post(NOTIFICATIONS, json={**MAIL, "topic": ""}, headers=headers).status_code == 403
    assert client.post(NOTIFICATIONS, json=MAIL, headers=headers).status_code == 403


def test_topic_is_made_by_administrators_alone_and_those_of_doorward_by_nobody(
    client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str]
) -> None:
    by_program = client.put(f"{TOPICS}/invoices", json=INVOICES, headers=as_sender)
    built_in = client.put(f"{TOPICS}/security", json=INVOICES, headers=as_admin)

    assert (by_program.status_code, built_in.status_code) == (403, 409)


@pytest.mark.parametrize("name", ["A", "x" * 65, "%00", "ä"])
def test_topic_under_what_is_no_name_is_refused(
    client: FlaskClient, as_admin: dict[str, str], name: str
) -> None:
    answer = client.put(f"/api/v1/notifications/topics/{name}", json={"title": {"en": "x"}}, headers=as_admin)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/name")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": {}},
        {"title": {"en": ""}},
        {"title": {"pt-BR": "x", "pt-br": "y"}},
        {**INVOICES, "channels": ["fax"]},
    ],
)
def test_topic_without_a_title_or_with_a_channel_that_is_none_is_refused(
    client: FlaskClient, as_admin: dict[str, str], body: dict[str, object]
) -> None:
    assert client.put(f"{TOPICS}/invoices", json=body, headers=as_admin).status_code == 422
