"""argon2's bounded pool: who waits, who is refused, and that a sign-in renews an old hash."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from argon2 import PasswordHasher
from flask import Flask
from pydantic import ValidationError

from services.auth.app import create_app
from services.auth.deps import EXTENSION
from services.auth.errors import RETRIES_WITHIN_SECONDS, PasswordHashingBusy
from services.auth.models import Account, db
from services.auth.passwords.hashing import HashPool, Passwords, share_of_cores
from services.auth.settings import AuthSettings
from shared.chassis.testing.engines import wait_until
from tests.auth.conftest import AUTH, PASSWORD, NewPerson
from tests.auth.test_second_factors import enable_totp

ADA = "ada@example.org"


def test_full_pool_refuses_at_once() -> None:
    pool = HashPool(at_once=1, places=1)
    with ThreadPoolExecutor(1) as others:
        with pool.place(), pytest.raises(PasswordHashingBusy):
            others.submit(take, pool).result()
        others.submit(take, pool).result()  # it is free again


def take(pool: HashPool) -> None:
    with pool.place(), pool.place():  # who has one needs no other
        pass


def test_pool_whose_computations_hang_refuses_in_the_end_and_loses_no_slot() -> None:
    pool = HashPool(at_once=1, places=2, longest_wait_seconds=0.01)
    with pool.slot(), pytest.raises(PasswordHashingBusy), pool.slot():
        pass

    with pool.slot():
        pass


def test_who_came_first_computes_first() -> None:
    pool = HashPool(at_once=1, places=11)
    order: list[int] = []

    def compute(number: int) -> None:
        with pool.slot():
            order.append(number)

    with ThreadPoolExecutor(10) as threads, pool.slot():
        for number in range(10):
            threads.submit(compute, number)
            wait_until(lambda: len(pool._waiting) == number + 1, what="the queue")  # noqa: B023

    assert order == list(range(10))


def test_many_threads_never_compute_more_than_may_at_once() -> None:
    pool = HashPool(at_once=2, places=100)
    lock, inside, most = threading.Lock(), 0, 0

    def compute(_number: int) -> None:
        nonlocal inside, most
        with pool.slot():
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(compute, range(500)))

    assert most <= 2
    assert (pool._free, len(pool._waiting)) == (2, 0)


def test_processes_share_the_cores() -> None:
    assert share_of_cores(1) >= share_of_cores(2) >= share_of_cores(1000) == 1


@contextmanager
def only_place_taken(app: Flask) -> Iterator[None]:
    """Somebody else computes, for as long as this lasts."""
    is_taken, is_over = threading.Event(), threading.Event()

    def take() -> None:
        with app.extensions[EXTENSION].passwords.place():
            is_taken.set()
            is_over.wait(60)

    with ThreadPoolExecutor(1) as other:
        other.submit(take)
        is_taken.wait(60)
        yield
        is_over.set()


def test_full_pool_answers_503_with_retry_after(app: Flask, settings: AuthSettings) -> None:
    narrow = settings.model_copy(update={"password_hashes_at_once": 1, "password_hash_queue": 0})
    busy = create_app(narrow)
    client = busy.test_client()

    with only_place_taken(busy):
        answer = client.post(f"{AUTH}/login", json={"email": ADA, "password": PASSWORD})
    after = client.post(f"{AUTH}/login", json={"email": ADA, "password": PASSWORD})

    with busy.app_context():
        db.engine.dispose()
    assert (answer.status_code, answer.json["code"]) == (503, "password_hashing_busy")
    assert int(answer.headers["Retry-After"]) >= 1
    assert after.status_code == 401


@pytest.mark.parametrize("path", ["login", "register", "password/reset"])
def test_full_pool_refuses_before_it_reads_what_was_sent(
    app: Flask, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.extensions[EXTENSION].passwords._pool, "_places", 0)
    client = app.test_client()

    answers = [client.post(f"{AUTH}/{path}", data=b"not JSON") for _ in range(40)]

    assert {answer.status_code for answer in answers} == {503}
    # Who was refused together does not come back together.
    waits = {int(answer.headers["Retry-After"]) for answer in answers}
    assert 1 <= min(waits) < max(waits) <= RETRIES_WITHIN_SECONDS


def test_try_that_found_no_place_does_not_count_as_a_guess(app: Flask, settings: AuthSettings) -> None:
    narrow = settings.model_copy(update={"password_hashes_at_once": 1, "password_hash_queue": 0})
    busy = create_app(narrow)
    body = {"email": ADA, "password": "a guess"}

    with only_place_taken(busy):
        refused = [busy.test_client().post(f"{AUTH}/login", json=body).status_code for _ in range(20)]
    weighed = [busy.test_client().post(f"{AUTH}/login", json=body).status_code for _ in range(8)]

    with busy.app_context():
        db.engine.dispose()
    assert (set(refused), set(weighed)) == ({503}, {401})


@pytest.mark.parametrize("threads", [2, 3, 8, 256])
def test_places_are_fewer_than_threads(settings: AuthSettings, threads: int) -> None:
    assert 1 <= settings.model_copy(update={"threads": threads}).password_hash_places < threads


@pytest.mark.parametrize(
    "contradiction",
    [
        {"threads": 8, "password_hash_queue": 7},
        {"threads": 8, "password_hash_queue": 4, "password_hashes_at_once": 4},
        {"longest_wait_seconds": 7200, "failures_forgotten_seconds": 3600},
    ],
)
def test_settings_that_undo_each_other_are_refused(
    settings: AuthSettings, contradiction: dict[str, int]
) -> None:
    with pytest.raises(ValidationError, match="must"):
        AuthSettings(**{**settings.model_dump(), **contradiction})


@pytest.mark.parametrize("has_totp", [False, True])
def test_hash_of_other_parameters_is_replaced_at_sign_in(
    app: Flask, new_account: NewPerson, *, has_totp: bool
) -> None:
    """The password is known at that moment alone: a second factor comes later, or never."""
    ada = new_account()
    if has_totp:
        enable_totp(ada)
    with app.app_context():
        stale = PasswordHasher(2, 2048, 1).hash(PASSWORD)
        db.session.execute(db.update(Account).values(password_hash=stale))
        db.session.commit()

    answer = ada.post("login", email=ada.email, password=PASSWORD)

    assert answer.status_code == (401 if has_totp else 200)
    with app.app_context():
        assert "m=1024,t=1" in str(db.session.scalars(db.select(Account.password_hash)).one())


def test_unknown_account_costs_the_work_of_a_known_one(
    app: Flask, new_account: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = new_account()
    weighed: list[str] = []
    matches = Passwords._matches

    def note(self: Passwords, password: str, stored: str) -> bool:
        weighed.append(stored)
        return matches(self, password, stored)

    monkeypatch.setattr(Passwords, "_matches", note)

    for email in (ADA, "nobody@example.org"):
        assert ada.post("login", email=email, password="a wrong guess").status_code == 401

    known, nobodys = weighed
    assert known.rpartition("$")[0].split("$")[:4] == nobodys.rpartition("$")[0].split("$")[:4]
    assert known != nobodys
