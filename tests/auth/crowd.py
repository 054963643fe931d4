"""A crowd that strikes at the same instant: threads with a connection each."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx


class Crowd:
    """So many threads; close it, or use it in a ``with``."""

    def __init__(self, size: int) -> None:
        self._clients = [httpx.Client(timeout=60) for _ in range(size)]
        self._pool = ThreadPoolExecutor(size)
        self._start = threading.Barrier(size)

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def strike(
        self,
        url: str,
        bodies: dict[str, Any] | Sequence[dict[str, Any]],
        token: str | Sequence[str] | None = None,
    ) -> list[httpx.Response]:
        """Everybody POSTs: the same, or each a body or a token of their own; all answers."""
        each = [bodies] * len(self._clients) if isinstance(bodies, dict) else bodies
        own = [token] * len(self._clients) if token is None or isinstance(token, str) else token

        def post(client: httpx.Client, body: dict[str, Any], token: str | None) -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            self._start.wait(60)
            return client.post(url, json=body, headers=headers)

        return list(self._pool.map(post, self._clients, each, own))

    def close(self) -> None:
        """Let the connections go."""
        self._pool.shutdown()
        for client in self._clients:
            client.close()


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    """How often which status was answered."""
    return Counter(answer.status_code for answer in answers)
