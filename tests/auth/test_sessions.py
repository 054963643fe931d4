"""Sessions and refresh tokens, over HTTP on the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
import time_machine
from flask import Flask

from services.auth.models import AuditEvent, db
from services.auth.settings import AuthSettings
from shared.chassis.clock import utcnow
from tests.auth.conftest import AUTH, Mailbox, NewPerson, Person


def at(**distance: float) -> time_machine.travel:
    return time_machine.travel(utcnow() + timedelta(**distance), tick=True)


def test_every_refresh_gives_another_token(new_account: NewPerson) -> None:
    ada = new_account()
    first = ada.pair["refresh_token"]

    second = ada.take(ada.refresh()).pair["refresh_token"]
    third = ada.take(ada.refresh()).pair["refresh_token"]

    assert len({first, second, third}) == 3


def test_refresh_token_may_come_in_the_authorization_header(new_account: NewPerson) -> None:
    ada = new_account()
    headers = {"Authorization": f"Bearer {ada.pair['refresh_token']}"}

    answer = ada.client.post(f"{AUTH}/refresh", headers=headers)

    assert answer.status_code == 200


def test_tabs_that_refresh_at_once_end_up_with_one_token(app: Flask, new_account: NewPerson) -> None:
    ada = new_account()

    def refresh(_tab: int) -> tuple[int, str]:
        answer = app.test_client().post(f"{AUTH}/refresh", json={"refresh_token": ada.pair["refresh_token"]})
        return answer.status_code, answer.json["refresh_token"]

    with ThreadPoolExecutor(16) as pool:
        results = set(pool.map(refresh, range(32)))

    assert len(results) == 1
    assert next(iter(results))[0] == 200


def test_tab_that_slept_through_two_rotations_of_the_last_seconds_converges(new_account: NewPerson) -> None:
    ada = new_account()
    old = ada.pair["refresh_token"]
    ada.take(ada.refresh())
    ada.take(ada.refresh())

    late = ada.refresh(old)

    assert late.status_code == 200
    assert late.json["refresh_token"] == ada.pair["refresh_token"]


def test_superseded_token_after_the_grace_ends_the_session_and_the_owner_hears(
    new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    old = ada.pair["refresh_token"]
    ada.take(ada.refresh())
    ada.take(ada.refresh())

    with at(seconds=31):
        reused = ada.refresh(old)
        current = ada.refresh()

    assert (reused.status_code, reused.json["code"]) == (401, "refresh_token_reused")
    assert (current.status_code, current.json["code"]) == (401, "session_revoked")
    assert mailbox.templates()[-1] == "refresh_token_reused"


def test_theft_is_reported_once(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    old = ada.pair["refresh_token"]
    ada.take(ada.refresh())
    ada.take(ada.refresh())

    with at(seconds=31):
        codes = [ada.refresh(old).json["code"] for _ in range(3)]

    assert codes == ["refresh_token_reused", "session_revoked", "session_revoked"]
    assert mailbox.templates().count("refresh_token_reused") == 1


@pytest.mark.parametrize("distance", [{"days": 7, "seconds": 1}, {"days": 31}])
def test_idle_or_old_session_expires(new_account: NewPerson, distance: dict[str, int]) -> None:
    ada = new_account()

    with at(**distance):
        answer = ada.refresh()

    assert (answer.status_code, answer.json["code"]) == (401, "refresh_token_expired")


def test_no_amount_of_refreshing_outlives_thirty_days(new_account: NewPerson) -> None:
    ada = new_account()

    for day in range(6, 30, 6):
        with at(days=day):
            ada.take(ada.refresh())
    with at(days=30, seconds=1):
        answer = ada.refresh()

    assert answer.json["code"] == "refresh_token_expired"


@pytest.mark.parametrize("change", ["flip", "cut", "pad", "spell", "empty", "access"])
def test_tampered_refresh_token_is_refused(new_account: NewPerson, change: str) -> None:
    ada = new_account()
    token = ada.pair["refresh_token"]
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    tampered = {
        "flip": token[:30] + ("A" if token[30] != "A" else "B") + token[31:],
        "cut": token[:-4],
        "pad": token + "=",
        "spell": token[:-1] + last[last.index(token[-1]) ^ 1],
        "empty": "%",
        "access": ada.pair["access_token"][:199],
    }[change]

    answer = ada.refresh(tampered)

    assert (answer.status_code, answer.json["code"]) == (401, "refresh_token_invalid")
    assert ada.refresh().status_code == 200


def test_logout_ends_this_session_alone(new_account: NewPerson) -> None:
    ada = new_account()
    first = ada.pair["refresh_token"]
    ada.sign_in()

    assert ada.call("POST", "logout").status_code == 204

    assert ada.refresh().json["code"] == "session_revoked"
    assert ada.refresh(first).status_code == 200


def test_logout_all_ends_every_session(new_account: NewPerson) -> None:
    ada = new_account()
    first = ada.pair["refresh_token"]
    ada.sign_in()

    assert ada.call("POST", "logout-all").status_code == 204

    assert [ada.refresh(token).status_code for token in (first, ada.pair["refresh_token"])] == [401, 401]


def test_sessions_are_listed_and_ended_one_by_one(new_account: NewPerson) -> None:
    ada = new_account()
    first = ada.pair["refresh_token"]
    ada.sign_in()

    items = ada.call("GET", "sessions").json["items"]
    other = next(item for item in items if not item["current"])
    ended = ada.call("DELETE", f"sessions/{other['id']}")

    assert len(items) == 2
    assert set(other) == {"id", "created_at", "last_used_at", "ip", "user_agent", "current"}
    assert ended.status_code == 204
    assert ada.refresh(first).json["code"] == "session_revoked"
    assert ada.call("DELETE", f"sessions/{other['id']}").status_code == 404


def test_nobody_ends_the_session_of_another(new_account: NewPerson) -> None:
    ada, eve = new_account(), new_account("eve@example.org")
    target = ada.call("GET", "sessions").json["items"][0]["id"]

    answer = eve.call("DELETE", f"sessions/{target}")

    assert answer.status_code == 404
    assert ada.refresh().status_code == 200


def test_access_token_has_the_claims_of_the_contract(new_account: NewPerson) -> None:
    token = new_account().pair["access_token"]

    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})

    assert header["typ"] == "at+jwt"
    assert header["alg"] == "HS256"
    assert header["kid"]
    assert {
        "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "type", "sid", "roles", "amr", "auth_time",
        "email_verified", "ver",
    } <= set(claims)  # fmt: skip
    assert claims["email_verified"] is True
    assert 900 * 0.95 <= claims["exp"] - claims["iat"] <= 900


class TestBound:
    @pytest.fixture
    def settings(self, settings: AuthSettings) -> AuthSettings:
        return settings.model_copy(update={"sessions_per_account": 3})

    def test_a_further_sign_in_ends_the_session_that_was_not_used_for_longest(
        self, app: Flask, new_account: NewPerson
    ) -> None:
        ada = new_account()
        phone, laptop = (Person(ada.client, ada.email).sign_in() for _ in range(2))
        phone.take(phone.refresh())
        ada.take(ada.refresh())

        latest = Person(ada.client, ada.email).sign_in()

        ended = laptop.refresh()
        assert (ended.status_code, ended.json["code"]) == (401, "session_revoked")
        assert [each.refresh().status_code for each in (ada, phone, latest)] == [200] * 3
        with app.app_context():
            reasons = db.session.scalars(
                db.select(AuditEvent.details).where(AuditEvent.action == "session_ended")
            ).all()
            assert [details["reason"] for details in reasons] == ["too_many_sessions"]
