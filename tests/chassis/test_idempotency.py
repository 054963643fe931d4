"""Idempotency-Key: done once, answered the same, however often and however concurrently it is sent."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.chassis.conftest import Mini


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
