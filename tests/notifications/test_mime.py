"""Mails as bytes: what every mail server takes, and nothing that a reader or a header would take for more."""

import email
import email.policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest

from services.notifications.smtp import mail_from
from services.notifications.smtp.mime import MailMessage, as_data

PARAGRAPH = "Lorem ipsum dolor sit amet " * 60
TEXTS = {
    "plain": "Hello,\n\nworld.\n",
    "long line": f"{PARAGRAPH}\n",
    "umlauts": "ü" * 600 + "\n",
    "German": "Schöne Grüße aus Köln.\n" * 20,
    "long link": f"https://accounts.example.org/verify#token={'a' * 1500}\n",
    "dots": ".\n..\n.hidden\n",
    "right to left": "שלום עולם، مرحبا بالعالم\n",
    "emoji": "👩‍👩‍👧‍👦 🎉\n",
    "trailing blanks": "a  \nb\t\nFrom here\n",
    "no line end": "last line",
}
SENDERS = [
    "no-reply@example.org",
    "Doorward <no-reply@example.org>",
    '"Example, Inc." <no-reply@example.org>',
    "Example, Inc. <no-reply@example.org>",
    "Ada; Grace <no-reply@example.org>",
    "ada@home <no-reply@example.org>",
    '[Ada]: the "first" <no-reply@example.org>',
    "Müller & Söhne <no-reply@example.org>",
    "Straße <no-reply@straße.example>",
    "日本 <no-reply@example.org>",
    f"{'a b ' * 24}c <no-reply@example.org>",
]


def written(
    *, sender: str = "Doorward <no-reply@example.org>", subject: str = "s", text: str = "t\n"
) -> bytes:
    message = MailMessage(
        subject=subject,
        recipients=["ada@example.org"],
        body=text,
        html=f"<p>{text}</p>",
        sender=mail_from.as_header(*mail_from.parse(sender)),
    )
    message.msgId = "<1@example.org>"
    return message.as_bytes()


def read(content: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text_arrives_as_it_was_written_in_short_lines_of_seven_bits(text: str) -> None:
    content = written(text=text)

    parts = [part.get_content().replace("\r\n", "\n") for part in read(content).iter_parts()]
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert [part.rstrip("\n") for part in parts] == [text.rstrip("\n"), f"<p>{text}</p>"]


@pytest.mark.parametrize("sender", SENDERS)
def test_sender_s_name_is_quoted_so_that_one_sender_is_read(sender: str) -> None:
    name, address = mail_from.parse(sender)

    (found,) = read(written(sender=sender))["From"].addresses

    assert (found.display_name, found.addr_spec) == (name, address)
    assert address.isascii()


@pytest.mark.parametrize("name", ["日本語" * 33, "ü" * 100, "🎉" * 100])
def test_long_name_of_a_sender_is_encoded_in_words_that_are_not_too_long(name: str) -> None:
    content = written(sender=f"{name} <no-reply@example.org>")

    line = next(line for line in content.split(b"\r\n") if line.startswith(b"From: ")).decode()
    *words, address = line.removeprefix("From: ").split(" ")
    assert str(make_header(decode_header(" ".join(words)))) == name
    assert address == "<no-reply@example.org>"
    assert max(map(len, words)) <= 75
    assert len(line) <= 998


def test_international_sender_domain_is_written_as_the_dns_knows_it() -> None:
    assert mail_from.parse("Straße <no-reply@straße.example>") == ("Straße", "no-reply@xn--strae-oqa.example")


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "Doorward",
        "a@b@c.example",
        "Ada\nBcc: eve@example.org <a@example.org>",
        "ü@example.org",
        f"{'x' * 101} <a@example.org>",
    ],
)
def test_sender_that_cannot_be_written_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match=r"must be|must have|must not|is not"):
        mail_from.parse(sender)


@pytest.mark.parametrize(
    "subject",
    [
        "a",
        "Grüße",
        "x" * 200,
        "ü" * 200,
        "a\r\nBcc: eve@example.org",
        "=?utf-8?q?hidden?=",
        "🎉 emoji",
        "שלום",
    ],
)
def test_subject_is_one_header_and_brings_no_other(subject: str) -> None:
    content = written(subject=subject)

    parsed = read(content)
    assert parsed["Bcc"] is None
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert len(parsed.get_all("Subject")) == 1


def test_data_ends_where_the_message_ends() -> None:
    assert as_data(written(text=".\nQUIT\n")).count(b"\r\n.\r\n") == 0
