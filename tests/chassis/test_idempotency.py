"""Idempotency-Key: done once, answered the same, however often and however concurrently it is sent."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import abort, jsonify
from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session

from shared.chassis import access, idempotency
from shared.chassis.clock import utcnow
from shared.chassis.database import single_statements, transaction
from shared.chassis.errors import Conflict, Unavailable
from tests.chassis.conftest import Mini

KEY = {"Idempotency-Key": "k-1"}
Mishap = Callable[[], object]


def test_same_key_and_body_get_the_first_answer_again(mini: Mini) -> None:
    client = mini.app.test_client()
    headers = {"Idempotency-Key": "k-1"}

    first = client.post("/things", json={"name": "a"}, headers=headers)
    second = client.post("/things", json={"name": "a"}, headers=headers)

    assert first.status_code == second.status_code == 201
    assert first.json == second.json == {"number": 1}
    assert second.headers["Idempotency-Replayed"] == "true"


def test_same_key_with_another_body_is_refused(mini: Mini) -> None:
    client = mini.app.test_client()
    client.post("/things", json={"name": "a"}, headers={"Idempotency-Key": "k-1"})

    answer = client.post("/things", json={"name": "b"}, headers={"Idempotency-Key": "k-1"})

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


def test_failed_request_frees_its_key(mini: Mini) -> None:
    client = mini.app.test_client()
    headers = {"Idempotency-Key": "k-1"}

    statuses = [client.post("/things", json={"name": "broken"}, headers=headers).status_code for _ in "12"]

    assert statuses == [500, 500]


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9"])
def test_bad_keys_are_refused(mini: Mini, key: str) -> None:
    answer = mini.app.test_client().post("/things", json={"name": "a"}, headers={"Idempotency-Key": key})

    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_invalid")


def test_concurrent_requests_with_one_key_are_done_once(mini: Mini) -> None:
    start = threading.Barrier(8)

    def send(_number: int) -> tuple[int, object]:
        start.wait()
        client = mini.app.test_client()
        answer = client.post("/things", json={"name": "a"}, headers={"Idempotency-Key": "k-1"})
        return answer.status_code, answer.json.get("number")

    for _ in range(5):
        with mini.app.app_context():
            mini.db.session.execute(text("DELETE FROM idempotency_keys"))
            mini.db.session.commit()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))
        assert {status for status, _ in answers} <= {201, 409}
        assert len({number for status, number in answers if status == 201}) == 1


def test_stored_answers_are_not_readable_in_the_database(mini: Mini) -> None:
    mini.app.test_client().post("/things", json={"name": "a"}, headers={"Idempotency-Key": "k-1"})

    with mini.app.app_context():
        rows = mini.db.session.execute(text("SELECT * FROM idempotency_keys")).all()

    assert len(rows) == 1
    assert "number" not in str(rows)
    assert "k-1" not in str(rows)


@pytest.fixture
def working(mini: Mini) -> Mini:
    """The service with a POST /work that stores in two transactions and then does what the test sets."""
    mini.app.config["mishap"] = lambda: None

    def note(name: str) -> None:
        mini.db.session.execute(insert(mini.heard_model).values(email=name))

    @mini.app.post("/work")
    @access.public
    @idempotency.idempotent
    def work():
        with transaction(mini.db):
            note("first")
        with single_statements(mini.db):
            note("second")
        mini.app.config["mishap"]()
        return jsonify(done=True), 201

    return mini


def rows(mini: Mini) -> int:
    with mini.app.app_context():
        return len(mini.db.session.execute(text("SELECT 1 FROM idempotency_keys")).all())


def test_answer_is_stored_by_the_commit_that_stores_the_work(working: Mini) -> None:
    commits: list[tuple[int, int]] = []

    def look(_session: Session) -> None:
        with working.db.engine.connect() as connection:
            done = connection.execute(select(working.heard_model.id)).all()
            answered = connection.execute(text("SELECT sealed_answer FROM idempotency_keys")).all()
            commits.append((len(done), len(answered)))

    event.listen(Session, "after_commit", look)
    try:
        answer = working.app.test_client().post("/work", headers=KEY)
    finally:
        event.remove(Session, "after_commit", look)

    assert answer.status_code == 201
    assert [commit for commit in commits if commit != (0, 0)] == [(2, 1)]


@pytest.mark.parametrize(
    ("mishap", "status", "stored"),
    [
        (lambda: 1 / 0, 500, []),
        (lambda: abort(503), 503, []),
        (lambda: (_ for _ in ()).throw(Unavailable()).__next__(), 503, []),
        # What the caller did wrong may have been counted: it stays.
        (lambda: (_ for _ in ()).throw(Conflict()).__next__(), 409, ["first", "second"]),
        (lambda: abort(404), 404, ["first", "second"]),
    ],
)
def test_failed_work_stores_no_answer_and_a_fault_of_ours_nothing_at_all(
    working: Mini, mishap: Mishap, status: int, stored: list[str]
) -> None:
    working.app.config["mishap"] = mishap

    answer = working.app.test_client().post("/work", headers=KEY)

    assert (answer.status_code, working.heard(), rows(working)) == (status, stored, 0)
    working.app.config["mishap"] = lambda: None
    assert working.app.test_client().post("/work", headers=KEY).status_code == 201


def test_answer_that_says_5xx_undoes_the_work(working: Mini) -> None:
    @working.app.post("/half")
    @access.public
    @idempotency.idempotent
    def half():
        with transaction(working.db) as session:
            session.execute(insert(working.heard_model).values(email="half"))
        return jsonify(done=False), 503

    answer = working.app.test_client().post("/half", headers=KEY)

    assert (answer.status_code, working.heard(), rows(working)) == (503, [], 0)


def test_database_that_goes_away_before_the_answer_is_stored_leaves_nothing(
    working: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut() -> None:
        pid = working.db.session.scalar(text("SELECT pg_backend_pid()"))
        with working.db.engine.connect() as other:
            other.execute(text(f"SELECT pg_terminate_backend({pid})"))

    working.app.config["mishap"] = cut

    answer = working.app.test_client().post("/work", headers=KEY)

    assert (answer.status_code, working.heard(), rows(working)) == (503, [], 0)


def test_second_request_while_the_first_runs_is_told_so(working: Mini) -> None:
    inner: list[tuple[int, object]] = []

    def send_again() -> None:
        working.app.config["mishap"] = lambda: None
        with ThreadPoolExecutor(1) as elsewhere:
            for body in ({"same": 1}, {"other": 2}):
                sent = elsewhere.submit(working.app.test_client().post, "/work", json=body, headers=KEY)
                inner.append((sent.result().status_code, sent.result().json["code"]))

    working.app.config["mishap"] = send_again

    outer = working.app.test_client().post("/work", json={"same": 1}, headers=KEY)

    assert outer.status_code == 201
    assert inner == [(409, "idempotent_request_running")] * 2
    assert working.heard() == ["first", "second"]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:1:2::3", "2001:db8:1:2:4::5", True),
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
    ],
)
def test_keys_of_strangers_belong_to_their_network(mini: Mini, one: str, other: str, is_same: bool) -> None:
    client = mini.app.test_client()

    first, second = (
        client.post("/things", json={"name": "a"}, headers={**KEY, "X-Forwarded-For": address})
        for address in (one, other)
    )

    assert first.status_code == second.status_code == 201
    assert ("Idempotency-Replayed" in second.headers) is is_same


@pytest.mark.parametrize(("age", "status"), [(timedelta(seconds=5), 409), (timedelta(minutes=5), 201)])
def test_row_without_answer_of_the_release_before_is_a_request_that_runs_or_died(
    working: Mini, age: timedelta, status: int
) -> None:
    working.app.test_client().post("/work", headers=KEY)
    with working.app.app_context(), transaction(working.db) as session:
        session.execute(
            text("UPDATE idempotency_keys SET sealed_answer = NULL, started_at = :then"),
            {"then": utcnow() - age},
        )

    assert working.app.test_client().post("/work", headers=KEY).status_code == status
