"""Of many threads that miss the same profile, one reads it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

from flask import Flask
from redis import Redis

from services.users.profiles import flights, reading
from shared.chassis.ids import new_id
from tests.users.cached_profiles import PREFIX, queries


def test_only_one_of_many_readers_reads_what_all_miss(app: Flask, redis: "Redis", ada: UUID) -> None:
    redis.delete(f"{PREFIX}{ada}")
    start = Barrier(8)

    def read(_number: int) -> None:
        with app.app_context():
            start.wait()
            reading.get(ada)

    def read_all() -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(read, range(8)))

    # Who comes when the value is there already reads nothing either; nobody reads it twice in a turn.
    assert queries(app, read_all) == 1


def test_reader_whose_miss_is_older_than_a_landing_looks_again() -> None:
    under_way = flights.Flights()
    account_id = new_id()
    missed_at = under_way.landed
    with under_way.turn(account_id, landed_before=missed_at):
        pass

    with under_way.turn(account_id, landed_before=missed_at) as may_be_there:
        assert may_be_there


def test_flights_forget_what_has_landed() -> None:
    under_way = flights.Flights()
    account_id = new_id()

    with under_way.turn(account_id, landed_before=under_way.landed) as may_be_there:
        assert not may_be_there
    with under_way.turn(account_id, landed_before=under_way.landed) as may_be_there:
        assert not may_be_there
    assert under_way._under_way == {}
