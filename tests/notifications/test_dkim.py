"""DKIM: what is signed here another implementation believes, and nothing can be changed or added later."""

import base64
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask.testing import FlaskClient
from pydantic import ValidationError

from services.notifications.settings import NotificationsSettings
from services.notifications.smtp.dkim_signing import Key, Signer, parse_key
from services.notifications.smtp.mime import MailMessage
from tests.notifications.conftest import MakeApp
from tests.notifications.test_api import send
from tests.notifications.test_delivery import attempt

KEYS: dict[str, Key] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
BODIES = {
    "plain": "One.\n\nTwo   with blanks  \t \n\n\n",
    "empty": "",
    "dots": ".\n..\n.a\n",
    "german": "Grüße " * 200,
    "long": "x" * 5000,
}


def pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def record(key: Key) -> bytes:
    """What the owner of the domain publishes."""
    if isinstance(key, rsa.RSAPrivateKey):
        form, encoding = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.DER
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(key.public_key().public_bytes(encoding, form))
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)


def written(key: Key, body: str = "Hello") -> bytes:
    message = MailMessage(
        subject="Größe: " + "word " * 30,
        recipients=["ada@example.org"],
        body=body,
        html=f"<p>{body}</p>",
        sender="Doorward <no-reply@mail.example.org>",
        extra_headers={"Auto-Submitted": "auto-generated"},
    )
    message.msgId, message.date = "<1@mail.example.org>", 1_700_000_000
    message.sign = Signer("example.org", "s1", key).header
    return message.as_bytes()


def is_believed(message: bytes, key: Key) -> bool:
    asked: list[bytes] = []

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record(key)

    is_good = bool(dkim.verify(message, dnsfunc=look_up))
    assert asked in ([], [b"s1._domainkey.example.org."])
    return is_good


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", KEYS)
def test_signature_is_believed(kind: str, body: str) -> None:
    assert is_believed(written(KEYS[kind], BODIES[body]), KEYS[kind])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hallo"),
        (b"To: ada@example.org", b"To: eve@example.org"),
        (b"Message-ID: <1@", b"Message-ID: <2@"),
        (b"\r\nFrom:", b"\r\nFrom: evil@example.net\r\nFrom:"),
        (b"\r\nSubject:", b"\r\nSubject: other\r\nSubject:"),
        (b"\r\nTo:", b"\r\nTo: eve@example.org\r\nTo:"),
    ],
)
def test_message_that_was_changed_is_not_believed(old: bytes, new: bytes) -> None:
    message = written(KEYS["rsa"])
    assert old in message

    assert not is_believed(message.replace(old, new), KEYS["rsa"])


def test_every_mail_is_signed_where_a_key_is_set(
    make_app: MakeApp, settings: NotificationsSettings, as_sender: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "mails"
    changes = {
        "dkim_selector": "s1",
        "dkim_private_key": pem(KEYS["rsa"]),
        "mail_from": "no-reply@mail.example.org",
        "dkim_domain": "example.org",
        "mail_folder": folder,
        "smtp_host": None,
    }
    app = make_app(NotificationsSettings.model_validate({**settings.model_dump(by_alias=False), **changes}))
    client: FlaskClient = app.test_client()

    attempt(app, send(client, as_sender))

    (file,) = folder.iterdir()
    assert is_believed(file.read_bytes(), KEYS["rsa"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dkim_selector": "s1"}, "need each other"),
        ({"dkim_private_key": pem(KEYS["ed25519"])}, "need each other"),
        ({"dkim_selector": "s1", "dkim_private_key": "nonsense"}, "private key in PEM"),
        (
            {"dkim_selector": "s1", "dkim_private_key": pem(ec.generate_private_key(ec.SECP256R1()))},
            "Ed25519",
        ),
        ({"dkim_domain": "example.net"}, "part of"),
        ({"dkim_selector": "a b"}, "pattern"),
    ],
)
def test_mistake_in_the_settings_stops_the_start(
    settings: NotificationsSettings, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        NotificationsSettings.model_validate({**settings.model_dump(by_alias=False), **changes})


def test_key_in_one_line_is_read() -> None:
    assert isinstance(parse_key(pem(KEYS["ed25519"]).replace("\n", "\\n")), ed25519.Ed25519PrivateKey)
