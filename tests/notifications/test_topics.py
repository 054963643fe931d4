"""Topics: which there are, who may send about them, who may change them."""

import pytest
from flask.testing import FlaskClient

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
    "body", [{}, {"title": {}}, {"title": {"en": ""}}, {**INVOICES, "channels": ["fax"]}]
)
def test_topic_without_a_title_or_with_a_channel_that_is_none_is_refused(
    client: FlaskClient, as_admin: dict[str, str], body: dict[str, object]
) -> None:
    assert client.put(f"{TOPICS}/invoices", json=body, headers=as_admin).status_code == 422
