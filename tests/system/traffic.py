"""People at work: some threads that sign in, refresh and call through the gateway without a pause."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import jwt

from tests.system import journey
from tests.system.backend import Backend
from tests.system.journey import Journey

HELD_SECONDS = 8.0
PAUSE_SECONDS = 0.4  # between two requests of one person: nobody comes near a limit


class _Held:
    """A token that is used for a while beside newer ones."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.until = time.monotonic() + HELD_SECONDS


class Person:
    """Somebody with an account who does what clients do, and keeps an older token beside the present one."""

    def __init__(self, backend: Backend, traffic: "Traffic") -> None:
        self._traffic = traffic
        self._journey = Journey(backend.gateway_url, backend.mailbox_url)
        self._journey.register()
        self._journey.verify()
        self._older = _Held(self._journey.pair["access_token"])

    def work(self, should_stop: threading.Event) -> None:
        """Until told to stop: sign in, call, refresh a few times, call with the older token as well."""
        while not should_stop.is_set():
            self._pair_of("login", json={"email": self._journey.email, "password": journey.PASSWORD})
            for _ in range(3):
                self._call(self._journey.pair["access_token"])
                self._pair_of("refresh", json={"refresh_token": self._journey.pair["refresh_token"]})
                self._call(self._older.token)
                if should_stop.wait(PAUSE_SECONDS):
                    return

    def _pair_of(self, path: str, **options: Any) -> None:
        answer = self._send(lambda client: client.post(f"/api/v1/auth/{path}", **options))
        if answer is not None and answer.status_code == 200:
            self._journey.pair = answer.json()
            self._traffic.note_token(self._journey.pair["access_token"])

    @property
    def keys_held(self) -> set[str]:
        """By which keys the tokens are signed that they go on using."""
        present: str = self._journey.pair["access_token"]
        return {jwt.get_unverified_header(token)["kid"] for token in (present, self._older.token)}

    def _call(self, token: str) -> None:
        if self._older.until < time.monotonic():
            self._older = _Held(self._journey.pair["access_token"])
        for path in ("/api/v1/auth/sessions", "/api/v1/users/me"):
            self._send(lambda client, path=path: client.get(path, headers=journey.bearer(token)))  # type: ignore[misc]

    def _send(self, send: Callable[[httpx.Client], httpx.Response]) -> httpx.Response | None:
        try:
            answer = send(self._journey.client)
        except httpx.TransportError:  # the gateway itself is being restarted
            self._traffic.note(None)
            return None
        self._traffic.note(answer)
        return answer


class Traffic:
    """What was answered to everybody."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.signed_by: Counter[str] = Counter()
        self.refused: list[str] = []
        self.people: list[Person] = []

    def note(self, answer: httpx.Response | None) -> None:
        """Count an answer; what says 401 is kept."""
        self.statuses[answer.status_code if answer is not None else 0] += 1
        if answer is not None and answer.status_code == 401:
            self.refused.append(f"{answer.request.method} {answer.request.url.path}: {answer.text}")

    def note_token(self, token: str) -> None:
        """Count the algorithm and the key of a token that was issued."""
        header = jwt.get_unverified_header(token)
        self.signed_by[f"{header['alg']} {header['kid']}"] += 1

    def keys_held(self) -> set[str]:
        """By which keys the tokens in everybody's hands are signed."""
        return set().union(*(person.keys_held for person in self.people))

    def algorithms(self) -> set[str]:
        """What was signed with so far."""
        return {name.split(" ")[0] for name in list(self.signed_by)}


@contextmanager
def traffic(backend: Backend, people: int) -> Iterator[Traffic]:
    """That many people at work until the block ends; whatever goes wrong in one of them is raised."""
    noted = Traffic()
    should_stop = threading.Event()
    with ThreadPoolExecutor(people) as pool:
        noted.people += pool.map(lambda _: Person(backend, noted), range(people))
        tasks = [pool.submit(person.work, should_stop) for person in noted.people]
        try:
            yield noted
        finally:
            should_stop.set()
        for task in tasks:
            task.result(60)
