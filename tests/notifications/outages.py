"""Redis is emptied and stopped while messages are accepted and sent: the API goes on, and each arrives once.

`python -m tests.notifications outage` plays it at full size and judges; the test plays a short version.
"""

import time
from collections import Counter
from dataclasses import dataclass

from flask import Flask
from flask.testing import FlaskClient

from services.notifications.settings import NotificationsSettings
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import working
from shared.chassis.testing.tokens import access_token, bearer
from tests.notifications.sink import Sink
from tests.notifications.trials import Copies, copies, is_quiet, worker_of

VARIABLES = {"subject": "Hello", "text": "World"}


@dataclass(frozen=True)
class Outage:
    """What the API answered, how long that took at most, and how often the messages arrived."""

    answers: dict[int, int]
    answers_without_redis: dict[int, int]
    slowest_seconds: float
    arrived_before_redis_was_back: int
    copies: Copies


def play(
    app: Flask,
    settings: NotificationsSettings,
    sink: Sink,
    redis: PrivateRedis,
    *,
    messages: int,
    seconds: float,
) -> Outage:
    """A third is accepted before Redis is emptied and stopped, a third meanwhile, a third after; then it is
    emptied once more.
    """
    poster = _Poster(app.test_client())
    with working(worker_of(settings)):
        poster.post(messages // 3)
        redis.flush()
        redis.stop()
        end = time.monotonic() + seconds
        without = poster.post(messages // 3)
        time.sleep(max(0.0, end - time.monotonic()))
        arrived = sink.count()
        redis.start()
        poster.post(messages - 2 * (messages // 3))
        redis.flush()
        wait_until(lambda: is_quiet(app), what="an end of every message", seconds=600)
    found = copies(app, sink, poster.addresses)
    return Outage(dict(poster.answers), dict(without), max(poster.took), arrived, found)


class _Poster:
    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self._account_id = new_id()
        self.addresses: list[str] = []
        self.answers: Counter[int] = Counter()
        self.took: list[float] = []

    def post(self, number: int) -> Counter[int]:
        """Post so many; what was answered. The token is new: thousands may take longer than one lasts."""
        headers = bearer(access_token(self._account_id, claims={"scope": "notifications:send"}))
        return sum((self._post(headers) for _ in range(number)), Counter[int]())

    def _post(self, headers: dict[str, str]) -> Counter[int]:
        address = f"{new_id()}@example.org"
        body = {"template": "message", "to": {"email": address}, "variables": VARIABLES}
        begun = time.monotonic()
        answer = self._client.post("/api/v1/notifications", json=body, headers=headers).status_code
        self.took.append(time.monotonic() - begun)
        self.answers[answer] += 1
        self.addresses.append(address)
        return Counter([answer])
