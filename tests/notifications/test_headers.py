"""Header injection, from the API to the bytes that a server takes: a mail has our headers and no others."""

import json

import pytest
from flask import Flask

from tests.mailbox_process import Mailbox
from tests.notifications.test_api import MAIL, NOTIFICATIONS, send
from tests.notifications.test_delivery import attempt
from tests.notifications.test_mime import read

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]
BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\r\n ",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\n\n",
    "\r\n.\r\n",
]
EVIL = "Bcc: eve@evil.example"
ADDRESSES = [
    "ada@example.org\r\nBcc: eve@evil.example",
    "ada@example.org\nRCPT TO:<eve@evil.example>",
    "ada@example.org> SIZE=1\r\nRCPT TO:<eve@evil.example",
    "ada@example.org, eve@evil.example",
    "Ada <ada@example.org>",
    "<ada@example.org>",
    '"ada\r\n"@example.org',
    "ada@example.org\x00",
    "ada\u2028@example.org",
    "@eve.example:ada@example.org",
]


def raw(mailbox: Mailbox) -> bytes:
    (mail,) = mailbox.messages()
    return mailbox.api.get(f"/api/messages/{mail['id']}/raw").content


@pytest.mark.parametrize("mark", ["", "ü"])
@pytest.mark.parametrize("line_break", BREAKS)
def test_line_break_in_a_subject_or_text_makes_no_header_and_no_part(
    app: Flask, mailbox: Mailbox, as_sender: dict[str, str], line_break: str, mark: str
) -> None:
    evil = f"Hello{mark}{line_break}{EVIL}{line_break}{line_break}--x{line_break}.{line_break}QUIT"
    variables = {"subject": evil, "text": evil}

    attempt(app, send(app.test_client(), as_sender, variables=variables))

    mail = read(raw(mailbox))
    own = [name for name in mail if name != "Content-Transfer-Encoding"]
    assert own[-len(HEADERS) :] == HEADERS
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert EVIL in mail["Subject"]
    assert mailbox.messages()[0]["to"] == ["Ada@example.org"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_that_is_more_than_one_is_refused_at_the_door(
    app: Flask, as_sender: dict[str, str], address: str
) -> None:
    answer = app.test_client().post(NOTIFICATIONS, json={**MAIL, "to": {"email": address}}, headers=as_sender)

    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("member", ["subject", "text"])
@pytest.mark.parametrize("value", ["a\x00b", "a\ud800b", "\x1b[31m", "\ufeff\u202eabc"])
def test_character_that_no_mail_can_carry_never_breaks_one(
    app: Flask, mailbox: Mailbox, as_sender: dict[str, str], member: str, value: str
) -> None:
    client = app.test_client()
    variables = {"subject": "s", "text": "t", member: value}

    # Written here, since Flask's client refuses to write half a character.
    body = json.dumps({**MAIL, "variables": variables})
    answer = client.post(NOTIFICATIONS, data=body, content_type="application/json", headers=as_sender)

    assert answer.status_code in {202, 400, 422}, answer.text
    if answer.status_code == 202:
        attempt(app, answer.json["id"])
        content = raw(mailbox)
        assert b"\x00" not in content
        assert [part.get_content_type() for part in read(content).iter_parts()] == ["text/plain", "text/html"]
