"""Second factors: authenticator app and recovery codes, with a real TOTP generator."""

from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine

from shared.chassis.clock import utcnow
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_sessions import at

ADA = "ada@example.org"


def enable_totp(person: Person) -> tuple[pyotp.TOTP, list[str]]:
    """An authenticator and the recovery codes; the code of half a minute ago is used up."""
    begun = person.call("POST", "mfa/totp")
    assert begun.status_code == 201, begun.json
    generator = pyotp.TOTP(begun.json["secret"])
    with time_machine.travel(utcnow(), tick=False):  # else the earlier code may be out of its time on the way
        earlier = generator.at(utcnow() - timedelta(seconds=30))
        confirmed = person.call("POST", "mfa/totp/confirm", code=earlier)
    assert confirmed.status_code == 200, confirmed.json
    return generator, confirmed.json["recovery_codes"]


def challenge(person: Person) -> str:
    answer = person.post("login", email=person.email, password=PASSWORD)
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_required")
    assert answer.json["methods"] == ["totp", "recovery_code"]
    token: str = answer.json["mfa_token"]
    return token


def test_sign_in_asks_for_the_second_factor_and_takes_it(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    generator, codes = enable_totp(ada)

    answer = ada.post("mfa/verify", mfa_token=challenge(ada), code=generator.now())

    assert answer.status_code == 200
    assert len(codes) == 10
    assert "mfa_changed" in mailbox.templates()
    assert ada.call("GET", "mfa").json == {"totp": True, "recovery_codes_left": 10}


def test_code_of_the_authenticator_serves_once(new_account: NewPerson) -> None:
    ada = new_account()
    generator, _ = enable_totp(ada)
    code = generator.now()

    answers = [ada.post("mfa/verify", mfa_token=challenge(ada), code=code) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 400]


def test_recovery_code_serves_once_however_it_is_typed(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    _, codes = enable_totp(ada)

    answers = [
        ada.post("mfa/verify", mfa_token=challenge(ada), code=code)
        for code in (codes[0].upper().replace("-", " "), codes[0], codes[1])
    ]

    assert [answer.status_code for answer in answers] == [200, 400, 200]
    assert ada.call("GET", "mfa").json["recovery_codes_left"] == 8


def test_ticket_serves_once_and_survives_a_wrong_code(new_account: NewPerson) -> None:
    ada = new_account()
    generator, codes = enable_totp(ada)
    ticket = challenge(ada)

    answers = [
        ada.post("mfa/verify", mfa_token=ticket, code=code) for code in ("000000", generator.now(), codes[0])
    ]

    assert [answer.json.get("code") for answer in answers] == ["code_invalid", None, "mfa_token_invalid"]


def test_ticket_expires_after_five_minutes(new_account: NewPerson) -> None:
    ada = new_account()
    _, codes = enable_totp(ada)
    ticket = challenge(ada)

    with at(seconds=301):
        answer = ada.post("mfa/verify", mfa_token=ticket, code=codes[0])

    assert answer.json["code"] == "mfa_token_invalid"


@pytest.mark.usefixtures("stopped_clock")
def test_guesses_at_all_second_factors_share_one_count(new_account: NewPerson) -> None:
    ada = new_account()
    enable_totp(ada)
    ticket = challenge(ada)

    guesses = ["000000", "aaaaa-aaaaa"] * 5
    statuses = [ada.post("mfa/verify", mfa_token=ticket, code=guess).status_code for guess in guesses]

    assert statuses == [400] * 8 + [429] * 2


def test_mailed_code_does_not_go_past_the_second_factor(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    generator, _ = enable_totp(ada)
    ada.post("email-code", email=ADA)

    answer = ada.post("email-code/verify", email=ADA, code=mailbox.code("sign_in_code"))
    verified = ada.post("mfa/verify", mfa_token=answer.json["mfa_token"], code=generator.now())

    assert (answer.status_code, answer.json["code"]) == (401, "mfa_required")
    assert verified.status_code == 200


def test_authenticator_is_removed_with_the_password_by_a_fresh_session(
    new_account: NewPerson,
) -> None:
    ada = new_account()
    enable_totp(ada)

    wrong = ada.call("DELETE", "mfa/totp", password="wrong")
    right = ada.call("DELETE", "mfa/totp", password=PASSWORD)

    assert (wrong.status_code, right.status_code) == (401, 204)
    assert ada.sign_in()


def test_session_and_password_do_not_remove_the_authenticator_without_a_code(new_account: NewPerson) -> None:
    ada = new_account()
    _, codes = enable_totp(ada)

    with at(seconds=301):
        stale = ada.call("DELETE", "mfa/totp", password=PASSWORD)
        bare = ada.call("POST", "reauthenticate", password=PASSWORD)
        left = ada.call("GET", "mfa").json["totp"]
        ada.take(ada.call("POST", "reauthenticate", password=PASSWORD, code=codes[0]))
        fresh = ada.call("DELETE", "mfa/totp", password=PASSWORD)

    assert (stale.status_code, stale.json["code"]) == (403, "fresh_sign_in_required")
    assert (bare.json["code"], left, fresh.status_code) == ("second_factor_required", True, 204)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "mfa/totp", {}),
        ("POST", "mfa/totp/confirm", {"code": "123456"}),
        ("POST", "mfa/recovery-codes", {}),
    ],
)
def test_session_that_was_left_open_cannot_change_factors(
    new_account: NewPerson, method: str, path: str, body: dict[str, Any]
) -> None:
    ada = new_account()

    with at(seconds=301):
        stale = ada.call(method, path, **body)
        ada.take(ada.call("POST", "reauthenticate", password=PASSWORD))
        fresh = ada.call(method, path, **body)

    assert (stale.status_code, stale.json["code"]) == (403, "fresh_sign_in_required")
    assert fresh.status_code != 403


def test_second_authenticator_does_not_replace_the_first(new_account: NewPerson) -> None:
    ada = new_account()
    enable_totp(ada)

    answers = [ada.call("POST", "mfa/totp"), ada.call("POST", "mfa/totp/confirm", code="123456")]

    assert {answer.json["code"] for answer in answers} == {"totp_already_enabled"}


def test_renewed_recovery_codes_make_the_former_worthless(new_account: NewPerson) -> None:
    ada = new_account()
    _, former = enable_totp(ada)

    renewed = ada.call("POST", "mfa/recovery-codes").json["recovery_codes"]
    answers = [ada.post("mfa/verify", mfa_token=challenge(ada), code=each[0]) for each in (former, renewed)]

    assert [answer.status_code for answer in answers] == [400, 200]
