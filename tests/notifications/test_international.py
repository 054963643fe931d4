"""Addresses that are not ASCII (RFC 6531), which no door takes today: a server with SMTPUTF8 gets them."""

import flask_mail
import pytest

from services.notifications.smtp.conversations import SmtpConnection
from services.notifications.smtp.mime import MailMessage
from services.notifications.smtp.refusals import Refused
from services.notifications.smtp.servers import SmtpServer
from tests.mailbox_process import HOST, Mailbox
from tests.notifications.sink import Sink
from tests.notifications.test_mime import read

ADDRESS = "müller@example.com"


class Noted:
    """A handover that is always noted."""

    left_seconds = 10.0
    lane = "normal"

    def note(self, server: str) -> None:
        pass


def deliver(port: int) -> None:
    server = SmtpServer(host=HOST, port=port, security="none")
    connection = SmtpConnection(flask_mail.Mail(), server, timeout=5, final_timeout=5)
    message = MailMessage(
        subject="s", recipients=[ADDRESS], body="Grüße", html="<p>Grüße</p>", sender="no-reply@example.org"
    )
    connection.open("no-reply@example.org", within_seconds=5)
    try:
        connection.deliver(message, Noted())
    finally:
        connection.close()


def test_server_with_smtputf8_is_given_the_address_as_it_is(mailbox: Mailbox) -> None:
    deliver(mailbox.smtp_port)

    (mail,) = mailbox.messages()
    content = mailbox.api.get(f"/api/messages/{mail['id']}/raw").content
    assert mail["to"] == [ADDRESS]
    assert f"To: {ADDRESS}\r\n".encode() in content
    assert [part.get_content().strip() for part in read(content).iter_parts()] == ["Grüße", "<p>Grüße</p>"]


def test_server_without_smtputf8_is_not_given_the_message(sink: Sink) -> None:
    with pytest.raises(Refused, match=r"5\.6\.7"):
        deliver(sink.port)

    assert sink.count() == 0
