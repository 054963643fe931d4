"""8BITMIME (RFC 6152): text is left as it is where the server takes it, and nowhere else."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from services.notifications.settings import NotificationsSettings
from tests.mailbox_process import Mailbox
from tests.notifications.conftest import MakeApp
from tests.notifications.sink import Sink
from tests.notifications.test_api import send
from tests.notifications.test_delivery import attempt, show
from tests.notifications.test_dkim import pem
from tests.notifications.test_mime import read
from tests.notifications.test_servers import server, with_servers

TEXTS = {"German": "Schöne Grüße aus Köln.", "emoji": "👩‍👩‍👧‍👦 🎉", "dots": ".\n..\n.ü"}


def message(text: str) -> dict[str, object]:
    return {"variables": {"subject": "Größe", "text": text}}


def raw(mailbox: Mailbox) -> bytes:
    (mail,) = mailbox.messages()
    return mailbox.api.get(f"/api/messages/{mail['id']}/raw").content


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_server_with_8bitmime_is_given_the_text_as_it_is(
    make_app: MakeApp,
    settings: NotificationsSettings,
    mailbox: Mailbox,
    as_sender: dict[str, str],
    text: str,
) -> None:
    app = make_app(settings)

    attempt(app, send(app.test_client(), as_sender, **message(text)))

    content = raw(mailbox)
    head, _, body = content.partition(b"\r\n\r\n")
    mail = read(content)
    parts = [mail, *mail.iter_parts()]
    assert head.isascii()
    assert text.splitlines()[-1].encode() in body
    assert [part["Content-Transfer-Encoding"] for part in parts] == ["8bit"] * 3
    assert text in parts[1].get_content().replace("\r\n", "\n")


def test_line_that_is_too_long_is_encoded_where_8bitmime_is_offered_too(
    make_app: MakeApp, settings: NotificationsSettings, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    app = make_app(settings)

    attempt(app, send(app.test_client(), as_sender, **message("ü" * 600)))

    assert max(map(len, raw(mailbox).split(b"\r\n"))) <= 998
    assert "ü" * 600 in mailbox.messages()[0]["text"]


@pytest.mark.parametrize("has_pipelining", [True, False])
@pytest.mark.parametrize("has_eight_bits", [True, False])
def test_server_that_refuses_unannounced_eight_bits_takes_the_mail(
    make_app: MakeApp,
    settings: NotificationsSettings,
    sink: Sink,
    as_sender: dict[str, str],
    has_pipelining: bool,
    has_eight_bits: bool,
) -> None:
    app = make_app(with_servers(settings, server("only", sink.port)))
    client = app.test_client()
    message_id = send(client, as_sender, **message(TEXTS["German"]))

    with sink.offering(pipelining=has_pipelining, eight_bits=has_eight_bits):
        attempt(app, message_id)

    assert (show(client, as_sender, message_id)["status"], sink.count()) == ("sent", 1)


def test_next_server_without_8bitmime_is_given_seven_bits(
    make_app: MakeApp,
    settings: NotificationsSettings,
    mailbox: Mailbox,
    sink: Sink,
    as_sender: dict[str, str],
) -> None:
    app = make_app(
        with_servers(settings, server("first", mailbox.smtp_port), server("second", sink.port, order=1))
    )
    client = app.test_client()
    message_id = send(client, as_sender, **message(TEXTS["German"]))
    mailbox.chaos(drop_at="data")

    attempt(app, message_id)

    shown = show(client, as_sender, message_id)
    assert (shown["status"], shown["timeline"][-1]["server"], sink.count()) == ("sent", "second", 1)


def test_signed_mail_has_seven_bits_since_a_conversion_on_its_way_would_break_the_signature(
    make_app: MakeApp, settings: NotificationsSettings, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    key = pem(ed25519.Ed25519PrivateKey.generate())
    signing = {"dkim_selector": "s1", "dkim_private_key": key}
    app = make_app(NotificationsSettings.model_validate({**settings.model_dump(by_alias=False), **signing}))

    attempt(app, send(app.test_client(), as_sender, **message(TEXTS["German"])))

    content = raw(mailbox)
    assert content.startswith(b"DKIM-Signature:")
    assert content.isascii()
