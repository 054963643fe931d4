"""Does a lost answer sign anybody out? `python -m tests.auth.lost_answers [--sessions 1000]`

Simulates so many sessions of two tabs each behind a proxy that loses a third of the answers to a refresh,
under a clock that the simulation moves. A tab whose answer was lost tries again after 0 to 10 minutes; some
clients sleep for days. Tabs share what they know, as cookies and local storage are shared. Access tokens are
presented to what a gateway reports receipts with. Redis is stopped for a part of the time. Nobody may be
signed out.

Then each session's token is copied, its owner goes on, and the copy is used later: each of them must end.
"""

import argparse
import asyncio
import heapq
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import jwt
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from gateway.receipts import Receipts
from services.auth.clients import Client
from services.auth.models import db
from services.auth.sessions import receipts, sessions
from services.auth.store import accounts
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from shared.chassis.testing import servers
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.databases import ServiceDatabase
from tests.auth.conftest import AUTH
from tests.auth.oracles import app_on

TABS = 2
ROUNDS = 4  # refreshes that each session needs at least
LOST = 1 / 3
LONGEST_RETRY_SECONDS = 600
TOKEN_SECONDS = 900
SLEEPERS = 0.1
LONGEST_SLEEP_SECONDS = 3 * 24 * 3600
OUTAGE = (0.3, 0.6)  # from which part of all events to which Redis is away
GRACE_SECONDS = 30


@dataclass
class Jar:
    """What all tabs of one session know."""

    refresh_token: str
    fresh_until: float = 0.0
    rounds: int = 0


class Simulation:
    """The sessions, their clock, and what happened to them."""

    def __init__(self, app: Flask, redis: PrivateRedis, *, size: int, seed: int) -> None:
        self._app = app
        self._client: FlaskClient = app.test_client()
        self._redis = redis
        self._receipts = Receipts(redis.url())
        self._random = random.Random(seed)
        self._order = count()
        self._events: list[tuple[float, int, Any]] = []
        self._size = size
        self.seen: Counter[str] = Counter()

    def run(self) -> None:
        """Both halves, from now on."""
        with time_machine.travel(utcnow(), tick=False) as self._clock:
            self.begun_at = self._now = utcnow().timestamp()
            self._report()
            self._jars = [Jar(token) for token in self._begin_sessions()]
            self._lose_answers()
            self._steal()

    def _begin_sessions(self) -> list[str]:
        with self._app.app_context():
            tokens = []
            for number in range(self._size):
                account_id, now = new_id(), utcnow()
                email = f"ada{number}@example.org"
                accounts.add_unless_known(account_id=account_id, email=email, now=now, verified_at=now)
                account = accounts.find(account_id)
                assert account is not None
                client = Client("198.51.100.7", "a browser")
                pair = sessions.begin(account, client, methods=["pwd"], device_id=None, now=now)
                tokens.append(pair.refresh_token)
            db.session.commit()
        return tokens

    def _lose_answers(self) -> None:
        for jar in self._jars:
            for _ in range(TABS):
                self._at(self._now + self._random.random() * 5, lambda jar=jar: self._wake(jar))
        expected = self._size * TABS * ROUNDS * 2
        is_away = False
        for number in count():
            if not self._events:
                break
            if is_away != (OUTAGE[0] <= number / expected < OUTAGE[1]):
                is_away = not is_away
                self._redis.stop() if is_away else self._redis.start()
            if number % 20 == 0 and not is_away:
                self._report()
            at, _, act = heapq.heappop(self._events)
            self._move_to(at)
            act()
        if is_away:
            self._redis.start()
        self._report()

    def _wake(self, jar: Jar) -> None:
        """A tab wants to call something."""
        if jar.fresh_until > self._now:
            if jar.rounds < ROUNDS:
                self._at(jar.fresh_until, lambda: self._wake(jar))
            return
        answer = self._refresh(jar.refresh_token)
        if answer.status_code != 200:
            self.seen["signed out"] += 1
            jar.rounds = ROUNDS
        elif self._random.random() < LOST:
            self.seen["answers lost"] += 1
            self._at(self._now + self._random.random() * LONGEST_RETRY_SECONDS, lambda: self._wake(jar))
        else:
            self._at(self._now + self._random.random() * 5, lambda: self._receive(jar, answer.json))

    def _receive(self, jar: Jar, pair: dict[str, Any]) -> None:
        jar.refresh_token, jar.fresh_until = pair["refresh_token"], self._now + TOKEN_SECONDS
        jar.rounds += 1
        is_asleep = self._random.random() < SLEEPERS
        if not is_asleep:
            self._present(pair)
        sleep = self._random.random() * LONGEST_SLEEP_SECONDS if is_asleep else 0.0
        if jar.rounds < ROUNDS:
            self._at(jar.fresh_until + sleep, lambda: self._wake(jar))

    def _steal(self) -> None:
        """A copied token, used after its successor was in use."""
        copies = []
        for number, jar in enumerate(self._jars):
            copied = jar.refresh_token
            pair = self._refresh(copied).json
            if number % 2:
                self._present(pair)
            else:
                pair = self._refresh(pair["refresh_token"]).json
            copies.append((copied, pair["refresh_token"]))
        self._report()
        self._move_to(self._now + GRACE_SECONDS + 1)
        for copied, own in copies:
            self.seen["copies"] += 1
            self._move_to(self._now + self._random.random())
            codes = (self._refresh(copied).json.get("code"), self._refresh(own).json.get("code"))
            self.seen["copies that ended their session"] += codes == (
                "refresh_token_reused",
                "session_revoked",
            )

    def _refresh(self, token: str) -> Any:
        self.seen["refreshes"] += 1
        return self._client.post(f"{AUTH}/refresh", json={"refresh_token": token})

    def _present(self, pair: dict[str, Any]) -> None:
        """At a gateway, which notes what it sees."""
        claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
        self._receipts.note(claims["sid"], claims["pair"])

    def _report(self) -> None:
        """What the gateway's worker does a few times a second, and auth's every second."""

        async def report() -> None:
            await self._receipts.start()
            await self._receipts.stop()

        asyncio.run(report())
        with Redis.from_url(self._redis.url()) as redis, self._app.app_context():
            while receipts.move(redis):
                pass

    def _at(self, when: float, act: Any) -> None:
        heapq.heappush(self._events, (when, next(self._order), act))

    def _move_to(self, when: float) -> None:
        self._now = when
        self._clock.move_to(when, tick=False)


@contextmanager
def running_simulation(*, size: int, seed: int) -> Iterator[Simulation]:
    """A simulation with servers of its own."""
    pair = servers.Servers(servers.choose_kind())
    redis = pair.private_redis()
    try:
        with app_on(ServiceDatabase(pair.postgres, "auth_lost_answers"), redis.url()) as app:
            yield Simulation(app, redis, size=size, seed=seed)
    finally:
        redis.close()
        pair.close()


def main() -> int:
    """Simulate, and say what was seen; 1 where somebody was signed out or a copy went unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with running_simulation(size=options.sessions, seed=options.seed) as simulation:
        simulation.run()
    seen = simulation.seen
    for name in ("refreshes", "answers lost", "signed out", "copies", "copies that ended their session"):
        print(f"{name:<34} {seen[name]}")  # noqa: T201
    is_good = seen["signed out"] == 0 and seen["copies that ended their session"] == seen["copies"]
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
