"""Time-based codes, without a clock of their own."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from services.auth.factors import totp

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_a_code_of_the_neighbouring_steps_is_right(seconds: int) -> None:
    secret = totp.new_secret()
    moment = NOW + timedelta(seconds=seconds)

    step = totp.find_step(secret, pyotp.TOTP(secret).at(moment), NOW)

    assert step == int(moment.timestamp()) // totp.PERIOD_SECONDS


@pytest.mark.parametrize("code", ["", "12345", "１２３４５６", "ýæÁ}¬g", "\x00"])
def test_a_code_that_is_none_is_wrong_whatever_it_is_made_of(code: str) -> None:
    assert totp.find_step(totp.new_secret(), code, NOW) is None
