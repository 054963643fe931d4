"""JSON over HTTP with the standard library alone: a test environment needs no client of ours."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

SECONDS = 30.0
# No proxy of the environment: the system under test listens on the loopback.
_opener = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """A status and what the JSON body says (None where there is none)."""

    status: int
    body: Any


class ApiError(AssertionError):
    """Doorward refused what a fixture asked for; the text is its own explanation."""


def call(method: str, url: str, *, body: Any = None, token: str | None = None) -> Answer:
    """Ask for ``url``; any status is an answer. Raises OSError where nobody answers."""
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers=headers, method=method)
    try:
        with _opener.open(request, timeout=SECONDS) as answer:
            return Answer(answer.status, _parsed(answer.read()))
    except HTTPError as error:
        with error:
            return Answer(error.code, _parsed(error.read()))


def expect(status: int, method: str, url: str, *, body: Any = None, token: str | None = None) -> Any:
    """The body of an answer with that status; raises ApiError with the explanation of any other."""
    answer = call(method, url, body=body, token=token)
    if answer.status != status:
        raise ApiError(f"{method} {url}: expected {status}, got {answer.status}: {answer.body}")
    return answer.body


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")
