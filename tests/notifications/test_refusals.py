"""What a refusal means, by who said what in which phase."""

from datetime import timedelta

import pytest

from services.notifications.smtp.refusals import LONGEST_TEXT, Refused


@pytest.mark.parametrize(
    ("phase", "code", "text", "is_permanent", "is_servers_fault"),
    [
        ("connect", 554, "no", False, True),
        ("connect", 535, "no", False, True),
        ("mail", 530, "sign in", False, True),
        ("mail", 550, "5.7.1 relay access denied", False, True),
        ("mail", 554, "too many today", False, True),
        ("rcpt", 550, "5.1.1 no such user", True, False),
        ("rcpt", 550, "no such user", True, False),
        ("rcpt", 554, "5.7.1 <ada@example.org>: Relay access denied", False, False),
        ("rcpt", 550, "relay not permitted", False, False),
        ("rcpt", 550, "5.7.1 Relaying denied", False, False),
        ("rcpt", 553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", False, False),
        ("rcpt", 553, "5.7.1 <no-reply@example.org>: Sender address rejected: not owned", False, False),
        ("rcpt", 554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked", False, False),
        ("rcpt", 550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain", False, False),
        ("rcpt", 550, "5.1.1 User unknown in relay recipient table", True, False),
        ("rcpt", 550, "mail from 192.4.2.1 is refused", True, False),
        ("rcpt", 550, "refused by filter 2.1.0", True, False),
        ("rcpt", 552, "sorry, mailbox over quota (#5.2.2)", False, False),
        ("rcpt", 552, "5.2.2 mailbox full", False, False),
        ("rcpt", 550, "4.7.1 try again later", False, False),
        ("rcpt", 450, "4.2.0 greylisted", False, False),
        ("data", 421, "closing", False, True),
        ("answer", 552, "message too large", True, False),
        ("answer", 552, "5.2.2 over quota", False, False),
        ("answer", 451, "no", False, False),
        ("message", 553, "5.6.7 not ASCII", True, False),
    ],
)
def test_phase_and_enhanced_code_decide_what_an_answer_means(
    phase: str, code: int, text: str, is_permanent: bool, is_servers_fault: bool
) -> None:
    refused = Refused(phase, code, text)

    assert (refused.is_permanent, refused.is_servers_fault) == (is_permanent, is_servers_fault)


@pytest.mark.parametrize(
    ("code", "text", "seconds"),
    [
        (450, "4.2.0 Greylisted, try again in 300 seconds", 300),
        (451, "come back in 5 minutes", 300),
        (450, "4.7.1 retry after 2h", 7200),
        (450, "4.7.1 [192.0.2.7 15] slow down", 0),
        (550, "5.1.1 wait 5 minutes", 0),
        (450, "4.2.0 no hint", 0),
    ],
)
def test_hint_of_a_temporary_refusal_says_how_long_to_wait(code: int, text: str, seconds: int) -> None:
    assert Refused("rcpt", code, text).least_wait == timedelta(seconds=seconds)


def test_text_of_a_refusal_is_bounded() -> None:
    refused = Refused("rcpt", 550, "5.1.1 no " * 10_000)

    assert len(refused.text) == LONGEST_TEXT
    assert len(str(refused)) < LONGEST_TEXT + 20
