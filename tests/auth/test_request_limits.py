"""The limits by address, where Redis does not answer."""

import socket
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from flask import Flask
from flask_limiter import Limiter
from pydantic import SecretStr

from services.auth.settings import AuthSettings
from services.auth.throttling import limits


def test_attempts_that_wait_together_for_a_redis_that_hangs_are_all_judged(
    settings: AuthSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that gives up turns to the memory of the process; the others are then not counted."""
    monkeypatch.setattr(limits, "limiter", Limiter(key_func=lambda: "203.0.113.9"))
    monkeypatch.setattr(limits, "deps", lambda: SimpleNamespace(settings=settings))
    monkeypatch.setattr(limits, "SOCKET_TIMEOUT_SECONDS", 0.1)
    app = Flask(__name__)

    @app.get("/")
    @limits.limited("sign_in_limit")
    def attempt() -> str:
        return "judged"

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = SecretStr(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        limits.install(app, settings.model_copy(update={"redis_url": url}))
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: app.test_client().get("/"), range(4)))

    assert [answer.text for answer in answers] == ["judged"] * 4
