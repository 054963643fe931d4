"""What is handed over is kept, exactly as often as it came, and shown as it was."""

import smtplib
import socket
import struct
import threading
from email.message import EmailMessage

import pytest

from shared.chassis.testing.engines import wait_until
from tests.mailbox_process import HOST, Mailbox


def mail(*, to: str = "ada@example.org", subject: str = "Your code", text: str = "123456\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Doorward <no-reply@doorward.test>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    return message


def send(mailbox: Mailbox, message: EmailMessage) -> None:
    with smtplib.SMTP(HOST, mailbox.smtp_port, timeout=10) as client:
        client.send_message(message)


def test_mail_is_shown_with_its_parts(mailbox: Mailbox) -> None:
    message = mail(subject="Grüße, Ada", text="Your code:\n\n123456\n")
    message.add_alternative("<p>Your code: <b>123456</b></p>", subtype="html")
    message["List-Unsubscribe"] = "<https://example.org/u>"

    send(mailbox, message)

    (shown,) = mailbox.messages()
    assert shown["to"] == ["ada@example.org"]
    assert shown["from"] == "no-reply@doorward.test"
    assert shown["subject"] == "Grüße, Ada"
    assert shown["text"].replace("\r\n", "\n") == "Your code:\n\n123456\n"
    assert "<b>123456</b>" in shown["html"]
    assert shown["headers"]["List-Unsubscribe"] == "<https://example.org/u>"
    assert shown["received_at"].endswith("Z")


def test_newest_comes_first_and_the_list_is_filtered_and_limited(mailbox: Mailbox) -> None:
    for number in range(3):
        send(mailbox, mail(to="ada@example.org", subject=f"to Ada {number}"))
    send(mailbox, mail(to="grace@example.org", subject="to Grace"))

    everyone = [shown["subject"] for shown in mailbox.messages()]
    ada = [shown["subject"] for shown in mailbox.messages(to="ADA@example.org", limit=2)]

    assert everyone == ["to Grace", "to Ada 2", "to Ada 1", "to Ada 0"]
    assert ada == ["to Ada 2", "to Ada 1"]


def test_the_same_mail_twice_is_two_mails(mailbox: Mailbox) -> None:
    message = mail()
    message["Message-ID"] = "<one@doorward.test>"

    send(mailbox, message)
    send(mailbox, message)

    assert len(mailbox.messages()) == 2


def test_blind_recipient_is_shown_because_the_envelope_counts(mailbox: Mailbox) -> None:
    with smtplib.SMTP(HOST, mailbox.smtp_port, timeout=10) as client:
        client.sendmail("a@doorward.test", ["hidden@example.org"], mail(to="shown@example.org").as_bytes())

    assert mailbox.messages()[0]["to"] == ["hidden@example.org"]


def test_the_oldest_go_where_too_many_come(mailbox: Mailbox) -> None:
    with smtplib.SMTP(HOST, mailbox.smtp_port, timeout=10) as client:
        for number in range(305):
            client.send_message(mail(subject=f"number {number}"))

    kept = mailbox.messages(limit=5000)

    assert len(kept) == 300
    assert kept[-1]["subject"] == "number 5"


def test_bytes_that_are_no_mail_are_shown_too(mailbox: Mailbox) -> None:
    with smtplib.SMTP(HOST, mailbox.smtp_port, timeout=10) as client:
        client.sendmail(
            "a@doorward.test",
            ["ada@example.org"],
            b"Content-Type: text/plain; charset=no-such-charset\r\nSubject: =?broken\r\n\r\n\xff\xfe\r\n",
        )

    assert mailbox.messages()[0]["subject"] == "=?broken"


def test_deleting_empties_the_mailbox(mailbox: Mailbox) -> None:
    send(mailbox, mail())

    answer = mailbox.api.delete("/api/messages")

    assert answer.status_code == 204
    assert mailbox.messages() == []


@pytest.mark.parametrize(
    ("ending", "size"),
    # A reset makes the client's own kernel throw away what it has not sent: such a mail has to be
    # small to be handed over at all.
    [("close", 200), ("close", 200_000), ("half-close", 200), ("half-close", 200_000), ("reset", 200)],
)
def test_a_client_that_dies_right_after_the_final_dot_loses_nothing(
    mailbox: Mailbox, ending: str, size: int
) -> None:
    deliveries = 60 if size < 1000 else 12

    threads = [
        threading.Thread(target=_hand_over_and_die, args=(mailbox.smtp_port, number, ending, size))
        for number in range(deliveries)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wait_until(lambda: len(mailbox.messages(limit=300)) >= deliveries, what="every mail", seconds=10)
    subjects = {shown["subject"] for shown in mailbox.messages(limit=300)}
    assert subjects == {f"number {number}" for number in range(deliveries)}


def test_a_client_that_dies_before_the_final_dot_leaves_no_half_mail(mailbox: Mailbox) -> None:
    client = _up_to_data(mailbox.smtp_port)
    client.sendall(b"Subject: half\r\n\r\nthis mail has no end\r\n.")
    client.close()
    send(mailbox, mail(subject="whole"))  # is handled after what came before it

    assert [shown["subject"] for shown in mailbox.messages()] == ["whole"]


def _hand_over_and_die(port: int, number: int, ending: str, size: int) -> None:
    client = _up_to_data(port)
    lines = b"x" * 76 + b"\r\n"
    body = lines * (size // len(lines))
    client.sendall(f"Subject: number {number}\r\n\r\n".encode() + body + b".\r\n")
    if ending == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if ending == "half-close":
        client.shutdown(socket.SHUT_WR)
        client.recv(1024)
    client.close()


def _up_to_data(port: int) -> socket.socket:
    client = socket.create_connection((HOST, port), timeout=10)
    answers = client.makefile("rb")
    answers.readline()
    for line in (b"EHLO me", b"MAIL FROM:<a@doorward.test>", b"RCPT TO:<ada@example.org>", b"DATA"):
        client.sendall(line + b"\r\n")
        while answers.readline()[3:4] == b"-":
            pass
    answers.close()
    return client
