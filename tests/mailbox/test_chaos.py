"""The switches make a bad server, and the mailbox stays honest about what it kept."""

import smtplib
import time

import pytest

from shared.chassis.testing.engines import free_port
from tests.mailbox.test_receiving import mail, send
from tests.mailbox_process import HOST, Mailbox, running_mailbox


@pytest.mark.parametrize("moment", ["connect", "mail", "rcpt", "data"])
def test_a_refused_mail_is_not_kept(mailbox: Mailbox, moment: str) -> None:
    mailbox.chaos(reject_rate=1, reject_at=moment, reject_code=452)

    with pytest.raises(smtplib.SMTPException) as refused:
        send(mailbox, mail())

    assert "452" in str(refused.value) or getattr(refused.value, "smtp_code", None) == 452
    assert mailbox.messages() == []


@pytest.mark.parametrize("moment", ["connect", "mail", "rcpt", "data"])
def test_a_connection_cut_before_the_content_keeps_nothing(mailbox: Mailbox, moment: str) -> None:
    mailbox.chaos(drop_at=moment)

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(mailbox, mail())

    assert mailbox.messages() == []


def test_a_connection_cut_after_the_content_keeps_the_mail(mailbox: Mailbox) -> None:
    mailbox.chaos(drop_at="after_data")

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(mailbox, mail())

    assert len(mailbox.messages()) == 1


def test_a_slow_answer_comes_after_the_mail_is_kept(mailbox: Mailbox) -> None:
    mailbox.chaos(delay_seconds=30)

    client = smtplib.SMTP(HOST, mailbox.smtp_port, timeout=0.3)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(mail())
    client.close()

    assert len(mailbox.messages()) == 1


def test_a_slow_moment_delays_the_answer(mailbox: Mailbox) -> None:
    mailbox.chaos(delay_seconds=0.3, delay_at="rcpt")

    started_at = time.monotonic()
    send(mailbox, mail())

    assert time.monotonic() - started_at >= 0.3


def test_only_the_named_recipient_suffers(mailbox: Mailbox) -> None:
    mailbox.chaos(reject_rate=1, only_to="ada@example.org")

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mailbox, mail(to="ada@example.org"))
    send(mailbox, mail(to="grace@example.org"))

    assert [shown["to"] for shown in mailbox.messages()] == [["grace@example.org"]]


def test_faults_end_after_the_asked_times(mailbox: Mailbox) -> None:
    mailbox.chaos(reject_rate=1, times=2)

    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(mailbox, mail())
    send(mailbox, mail())

    assert len(mailbox.messages()) == 1


def test_a_wrong_switch_is_named_and_changes_nothing(mailbox: Mailbox) -> None:
    answer = mailbox.api.put("/api/chaos", json={"reject_rate": 2})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/reject_rate"
    assert mailbox.api.get("/api/chaos").json()["reject_rate"] == 0


def test_credentials_are_taken_whatever_they_are(mailbox: Mailbox) -> None:
    with smtplib.SMTP(HOST, mailbox.smtp_port, timeout=10) as client:
        client.login("anybody", "anything")
        client.send_message(mail())

    assert len(mailbox.messages()) == 1


def test_only_the_named_domain_suffers(mailbox: Mailbox) -> None:
    mailbox.chaos(reject_rate=1, only_to="@Slow.example")

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mailbox, mail(to="ada@slow.example"))
    for address in ("ada@example.org", "ada@notslow.example"):
        send(mailbox, mail(to=address))

    assert len(mailbox.messages()) == 2


def test_refusal_says_what_it_is_told_to_say(mailbox: Mailbox) -> None:
    mailbox.chaos(reject_rate=1, reject_code=450, reject_text="4.2.0 greylisted, try again in 300 seconds")

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mailbox, mail())

    ((code, text),) = refused.value.recipients.values()
    assert (code, text) == (450, b"4.2.0 greylisted, try again in 300 seconds")


def test_full_mailbox_says_so(mailbox: Mailbox) -> None:
    mailbox.chaos(is_full=True, only_to="ada@example.org")

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mailbox, mail(to="ada@example.org"))

    ((code, text),) = refused.value.recipients.values()
    assert (code, text) == (552, b"5.2.2 mailbox full")


def test_what_comes_faster_than_the_rate_is_put_off(mailbox: Mailbox) -> None:
    mailbox.chaos(mails_a_minute=2)

    send(mailbox, mail())
    send(mailbox, mail())
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        send(mailbox, mail())

    assert refused.value.smtp_code == 450
    assert len(mailbox.messages()) == 2


@pytest.mark.parametrize(
    ("moment", "kept"), [("connect", 0), ("mail", 0), ("rcpt", 0), ("data", 0), ("after_data", 1)]
)
def test_server_that_hangs_says_nothing_more(mailbox: Mailbox, moment: str, kept: int) -> None:
    mailbox.chaos(hang_at=moment)

    with pytest.raises((smtplib.SMTPServerDisconnected, TimeoutError)):
        smtplib.SMTP(HOST, mailbox.smtp_port, timeout=0.3).send_message(mail())

    assert len(mailbox.messages()) == kept


def test_each_listener_plays_a_server_with_faults_of_its_own() -> None:
    ports = [free_port(), free_port()]
    with running_mailbox(MAILBOX_MORE_SMTP_PORTS=",".join(map(str, ports))) as mailbox:
        servers = mailbox.api.get("/api/servers").json()
        path = f"/api/servers/{ports[0]}/chaos"
        assert mailbox.api.put(path, json={"reject_rate": 1}).status_code == 200

        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(Mailbox(ports[0], mailbox.api), mail())
        send(Mailbox(ports[1], mailbox.api), mail())
        send(mailbox, mail())

        usual = mailbox.api.get(f"/api/servers/{mailbox.smtp_port}/chaos")
        assert (usual.status_code, usual.json()) == (200, mailbox.api.get("/api/chaos").json())
        assert [shown["port"] for shown in servers] == [mailbox.smtp_port, *ports]
        assert [shown["port"] for shown in mailbox.messages()] == [mailbox.smtp_port, ports[1]]
        assert mailbox.api.get("/api/chaos").json()["reject_rate"] == 0
        assert mailbox.api.get("/api/servers/1/chaos").status_code == 404
