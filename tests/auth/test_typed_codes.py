"""Codes are taken as people type and paste them, in all places that take one."""

import pyotp
import pytest

from shared.chassis.clock import utcnow
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson
from tests.auth.test_second_factors import challenge, enable_totp

ADA = "ada@example.org"
FORMS = {
    "blank": "{0} {1}",
    "dash": "{0}-{1}",
    "long dash": "{0}–{1}",
    "narrow blank": "{0}\u202f{1}",
    "no blank": "{0}\u200b{1}",
    "line end": "{0}{1}\r\n",
    "around": "  {0}{1} ",
}


def typed(code: str, form: str) -> str:
    return FORMS[form].format(code[:3], code[3:])


def wide(code: str) -> str:
    return "".join(chr(ord(digit) + 0xFEE0) for digit in code)


@pytest.mark.parametrize("form", FORMS)
def test_mailed_code_is_taken_as_it_is_typed(stranger: NewPerson, mailbox: Mailbox, form: str) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)

    answer = ada.post("verify-email", email=ADA, code=typed(mailbox.code("verify_email"), form))

    assert answer.status_code == 200


def test_wide_digits_are_digits_in_every_place(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    ada.post("email-code", email=ADA)
    signed_in = ada.post("email-code/verify", email=ADA, code=wide(mailbox.code("sign_in_code")))
    ada.call("POST", "email/change", new_email="eve@example.org", password=PASSWORD)
    moved = ada.call("POST", "email/change/confirm", code=wide(mailbox.code("email_change_confirm")))
    ada.post("password/forgot", email="eve@example.org")
    code = wide(mailbox.code("password_reset"))
    reset = ada.post("password/reset", email="eve@example.org", code=code, password=PASSWORD)

    assert [answer.status_code for answer in (signed_in, moved, reset)] == [200, 204, 204]


def test_codes_of_an_authenticator_are_taken_as_they_are_typed(new_account: NewPerson) -> None:
    ada = new_account()
    generator = pyotp.TOTP(ada.call("POST", "mfa/totp").json["secret"])
    code = generator.at(utcnow())
    confirmed = ada.call("POST", "mfa/totp/confirm", code=typed(wide(code), "blank"))

    assert confirmed.status_code == 200


def test_recovery_code_is_taken_as_it_is_typed(new_account: NewPerson) -> None:
    ada = new_account()
    _, codes = enable_totp(ada)

    answer = ada.post("mfa/verify", mfa_token=challenge(ada), code=f" {codes[0].upper()} \n")

    assert answer.status_code == 200


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12 34 5", "1" * 65, "      ", "12345\x00"])
def test_what_is_no_code_is_said_to_be_none(stranger: NewPerson, code: str) -> None:
    assert stranger().post("verify-email", email=ADA, code=code).status_code == 422
