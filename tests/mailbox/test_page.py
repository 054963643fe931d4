"""The page brings what it needs, and a mail cannot act in it."""

import re

import pytest

from tests.mailbox.test_receiving import mail, send
from tests.mailbox_process import Mailbox

HOSTILE = '<script>fetch("/api/messages",{method:"DELETE"})</script><img src="https://track.example/x">'


def test_page_loads_only_from_the_mailbox(mailbox: Mailbox) -> None:
    page = mailbox.api.get("/")

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert re.findall(r"(?:https?:)?//[a-z]", page.text) == []
    for address in re.findall(r'(?:href|src)="(/[^"]+)"', page.text):
        assert mailbox.api.get(address).status_code == 200


def test_html_part_is_shown_in_a_sandbox(mailbox: Mailbox) -> None:
    message = mail()
    message.add_alternative(HOSTILE, subtype="html")
    send(mailbox, message)

    shown = mailbox.api.get(f"/messages/{mailbox.messages()[0]['id']}/html")

    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy


def test_source_is_shown_as_text(mailbox: Mailbox) -> None:
    send(mailbox, mail(subject="source"))

    raw = mailbox.api.get(f"/api/messages/{mailbox.messages()[0]['id']}/raw")

    assert raw.headers["Content-Type"].startswith("text/plain")
    assert "Subject: source" in raw.text


@pytest.mark.parametrize("path", ["/api/messages/none", "/messages/none/html", "/nothing"])
def test_what_is_not_there_is_a_problem_document(mailbox: Mailbox, path: str) -> None:
    answer = mailbox.api.get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_unknown_filter_is_refused(mailbox: Mailbox) -> None:
    assert mailbox.api.get("/api/messages", params={"from": "x"}).status_code == 422


def test_a_name_that_was_made_to_point_here_learns_nothing(mailbox: Mailbox) -> None:
    answer = mailbox.api.get("/api/messages", headers={"Host": "attacker.example:8025"})

    assert answer.status_code == 403


def test_unchanged_list_is_not_sent_again(mailbox: Mailbox) -> None:
    first = mailbox.api.get("/api/messages")

    again = mailbox.api.get("/api/messages", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
