"""An answer that was lost signs nobody out, and a token whose successor was in use is a stolen one."""

import math
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from flask import Flask
from redis import Redis

from services.auth.models import AuditEvent, Session, db
from services.auth.sessions import receipts
from services.auth.sessions.receipts import Receipts, Report
from services.auth.settings import AuthSettings
from services.auth.store import sessions as store
from shared.chassis.ids import new_id
from shared.chassis.testing.databases import ServiceDatabases
from shared.contracts import tokens
from tests.auth.conftest import NewPerson, Person
from tests.auth.locks import session_locked
from tests.auth.test_sessions import at

SOMEBODY = new_id()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A Redis in which no receipt has been lost for long."""
    with Redis.from_url(redis_url) as client:
        client.set(tokens.RECEIPTS_SINCE, 1)
        yield client


@pytest.fixture
def ada(new_account: NewPerson) -> Person:
    """Somebody whose second pair is under way."""
    ada = new_account()
    ada.pair = {**ada.refresh().json, "before": ada.pair["refresh_token"]}
    return ada


def claims_of(pair: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(pair["access_token"], options={"verify_signature": False})
    return claims


def report(redis: Redis, pair: dict[str, Any]) -> None:
    """As a gateway does that sees the access token."""
    claims = claims_of(pair)
    redis.hset(tokens.RECEIPTS, claims["sid"], claims["pair"])


def move(app: Flask, redis: Redis) -> int:
    with app.app_context():
        moved = receipts.move(redis)
        db.session.remove()
    return moved


def events(app: Flask, action: str) -> int:
    with app.app_context():
        found = db.session.query(AuditEvent).filter_by(action=action).count()
        db.session.remove()
    return found


@pytest.mark.parametrize("late", [{"minutes": 10}, {"days": 6}])
@pytest.mark.usefixtures("redis")
def test_client_whose_answer_was_lost_gets_its_pair_however_late(
    app: Flask, ada: Person, late: dict[str, int]
) -> None:
    with at(**late):
        answers = [ada.refresh(ada.pair["before"]) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json["refresh_token"] for answer in answers} == {ada.pair["refresh_token"]}
    assert events(app, "refresh_receipt_unknown") == 0


@pytest.mark.parametrize("is_moved", [True, False])
def test_copy_that_is_used_after_its_successors_access_token_was_ends_the_session(
    app: Flask, redis: Redis, ada: Person, is_moved: bool
) -> None:
    report(redis, ada.pair)
    if is_moved:
        assert move(app, redis) == 1

    with at(seconds=31):
        copied, own = ada.refresh(ada.pair["before"]), ada.refresh()

    assert (copied.json["code"], own.json["code"]) == ("refresh_token_reused", "session_revoked")


def test_where_nobody_can_say_the_client_gets_its_pair_and_the_log_an_event(app: Flask, ada: Person) -> None:
    with at(minutes=10):  # no gateway has ever said since when it reports
        answer = ada.refresh(ada.pair["before"])

    assert answer.json["refresh_token"] == ada.pair["refresh_token"]
    assert events(app, "refresh_receipt_unknown") == 1


def test_receipts_of_before_a_loss_are_not_missed(app: Flask, redis: Redis, ada: Person) -> None:
    redis.set(tokens.RECEIPTS_SINCE, int(time.time()) + 60)

    with at(minutes=10):
        assert ada.refresh(ada.pair["before"]).status_code == 200

    assert events(app, "refresh_receipt_unknown") == 1


def test_redis_that_is_away_can_say_nothing() -> None:
    assert Receipts("redis://127.0.0.1:1/0").find(new_id()) == Report(0, math.inf)


def test_session_that_goes_meanwhile_is_over(
    app: Flask, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(_self: Receipts, _session_id: Any) -> Report:
        db.session.execute(db.delete(Session))
        db.session.commit()
        return Report(0, 1)

    monkeypatch.setattr(Receipts, "find", find)

    with at(minutes=10):
        assert ada.refresh(ada.pair["before"]).json["code"] == "session_revoked"


def test_token_that_expires_is_not_asked_about(ada: Person) -> None:
    with at(days=8):
        assert ada.refresh(ada.pair["before"]).json["code"] == "refresh_token_expired"


def test_any_number_of_refreshes_in_the_grace_period_converges(ada: Person) -> None:
    """Eight a second, as storms of real clients are; and after the grace period each is a copy."""
    spent = [ada.pair["before"]]
    with at(minutes=1) as clock:
        for number in range(200):
            clock.move_to(time.time() + 0.125, tick=False)
            spent.append(ada.pair["refresh_token"])
            ada.take(ada.refresh())
            if number % 20 == 0:
                late = [
                    ada.refresh(token).json["refresh_token"] for token in (spent[1], spent[len(spent) // 2])
                ]
                assert set(late) == {ada.pair["refresh_token"]}
        clock.move_to(time.time() + 9, tick=False)
        assert ada.refresh(spent[60]).status_code == 200
        assert ada.refresh(spent[3]).json["code"] == "refresh_token_reused"


def test_receipts_are_moved_once(app: Flask, redis: Redis, ada: Person) -> None:
    report(redis, ada.pair)

    assert [move(app, redis) for _ in range(2)] == [1, 0]
    with app.app_context():
        standing = store.find_standing(claims_of(ada.pair)["sid"])
        db.session.remove()
    assert standing is not None
    assert standing.received == 2


def test_receipt_of_a_session_that_is_gone_is_dropped(app: Flask, redis: Redis) -> None:
    redis.hset(tokens.RECEIPTS, str(SOMEBODY), 3)

    assert move(app, redis) == 1
    assert redis.hlen(tokens.RECEIPTS) == 0


def test_receipt_that_rises_while_it_is_moved_stays(
    app: Flask, redis: Redis, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(redis, ada.pair)
    note = store.note_received

    def note_slowly(pairs: Any) -> Any:
        redis.hset(tokens.RECEIPTS, claims_of(ada.pair)["sid"], 3)
        return note(pairs)

    monkeypatch.setattr(store, "note_received", note_slowly)

    assert move(app, redis) == 1
    assert redis.hvals(tokens.RECEIPTS) == [b"3"]


def test_session_that_somebody_is_changing_is_left_for_later(
    app: Flask, redis: Redis, ada: Person, settings: AuthSettings, service_database: ServiceDatabases
) -> None:
    report(redis, ada.pair)

    with session_locked(service_database("auth").url, claims_of(ada.pair)["sid"]):
        assert move(app, redis) == 0
    assert move(app, redis) == 1
