"""The start and the end of a worker, as its server tells the app of them."""

import asyncio
import threading
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from prometheus_client import REGISTRY

from gateway import measures
from gateway.edge_app import GatewayFlask
from shared.chassis.metrics import exposition
from shared.chassis.testing.tokens import access_token, bearer
from tests.gateway.test_hooks import app, client

__all__ = ["app", "client"]
ME = "/api/v1/users/me"


async def lifespan(app: GatewayFlask, *messages: str) -> list[dict[str, Any]]:
    """What the app answers to these messages."""
    waiting = [{"type": f"lifespan.{message}"} for message in messages]
    answers: list[dict[str, Any]] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        answers.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    return answers


async def test_a_start_hook_that_fails_ends_the_start_and_every_request(
    app: GatewayFlask, client: httpx.AsyncClient
) -> None:
    async def fail() -> None:
        raise LookupError("no such thing")

    app.on_start.append(fail)

    answers = await lifespan(app, "startup")

    assert [answer["type"] for answer in answers] == ["lifespan.startup.failed"]
    assert "no such thing" in answers[0]["message"]
    for _ in range(2):
        with pytest.raises(LookupError):
            await client.get("/livez")


async def test_a_request_after_the_stop_starts_nothing_again(
    app: GatewayFlask, client: httpx.AsyncClient
) -> None:
    starts = []

    async def note() -> None:
        starts.append(1)

    app.on_start.append(note)
    await lifespan(app, "startup", "shutdown")

    await client.get("/livez")

    assert starts == [1]


async def test_what_was_logged_last_is_written_at_the_stop(
    app: GatewayFlask, client: httpx.AsyncClient, account_id: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(7):
        await client.get(ME, headers=bearer(access_token(account_id)))

    await app.stopped()

    lines = [orjson.loads(line) for line in capsys.readouterr().err.splitlines() if '"request"' in line]
    assert len(lines) == 7


def answered() -> float:
    """How many requests to the profile are counted in what a scrape sees."""
    labels = {"process": "gateway", "method": "GET", "route": "users", "status": "200"}
    return REGISTRY.get_sample_value("doorward_http_requests_total", labels) or 0.0


async def test_what_was_counted_last_is_written_at_the_stop(
    app: GatewayFlask, client: httpx.AsyncClient, account_id: UUID
) -> None:
    measures.flush()
    before = answered()
    for _ in range(7):
        await client.get(ME, headers=bearer(access_token(account_id)))

    await app.stopped()

    assert answered() - before == 7


async def test_a_scrape_has_all_that_was_counted_written_by_the_loop(
    app: GatewayFlask, client: httpx.AsyncClient, account_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is made in a thread, beside which the loop goes on counting."""
    flush, threads = measures.flush, []

    def note() -> None:
        threads.append(threading.get_ident())
        flush()

    def scrape() -> str:
        with app.app_context():
            return exposition().get_data(as_text=True)

    await client.get(ME, headers=bearer(access_token(account_id)))
    monkeypatch.setattr(measures, "flush", note)

    page = await asyncio.to_thread(scrape)

    assert threads == [threading.get_ident()]
    assert f'route="users",status="200"}} {answered()}' in page
