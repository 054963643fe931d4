"""The overview: several services at once, partial where a part fails."""

import asyncio
from pathlib import Path

import httpx
import orjson

from gateway.edge_app import GatewayFlask
from gateway.upstream import breaker
from tests.gateway import test_hooks
from tests.gateway.conftest import ORIGIN, StartGateway
from tests.gateway.echo import OK, Handler, Received, Upstream

app, app_client = test_hooks.app, test_hooks.client  # in this process

PARTS = ("/api/v1/users/me", "/api/v1/auth/sessions")
# A team's own parts, in the place of the shipped ones.
OWN_PARTS = """
[[routes]]
name = "overview"

[routes.parts]
name = { upstream = "users", path = "/api/v1/users/me", pick = "name" }
age = { upstream = "users", path = "/api/v1/users/me", pick = "age" }
sessions = { upstream = "auth", path = "/api/v1/auth/sessions" }
topics = { upstream = "notifications", path = "/api/v1/notifications/topics" }
"""


def answering(
    content: object, *, status: int = 200, seconds: float = 0, together: asyncio.Barrier | None = None
) -> Handler:
    async def answer(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        if together is not None:
            await together.wait()
        body = orjson.dumps(content)
        writer.write(
            OK.replace(b"200 OK", b"%d X" % status) + b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )

    return answer


def answer_all(upstream: Upstream, together: asyncio.Barrier | None = None) -> None:
    """Let every part be answered; with ``together`` none before all are asked for."""
    for path, content in zip(PARTS, ({"name": "Ada"}, {"items": []}), strict=True):
        upstream.handlers[path] = answering(content, together=together)


def test_the_parts_are_asked_at_once_with_the_callers_token(
    client: httpx.Client, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    answer_all(upstream, together=asyncio.Barrier(len(PARTS)))

    answer = client.get("/api/v1/overview", headers={**signed_in, "Origin": ORIGIN})

    assert answer.json() == {
        "data": {"profile": {"name": "Ada"}, "sessions": {"items": []}},
        "errors": {},
    }
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert '"caller"' in answer.headers["ratelimit"]
    assert [request.value("authorization") for request in upstream.requests] == [
        signed_in["Authorization"]
    ] * 2
    assert {request.value("x-request-id") for request in upstream.requests} == {
        answer.headers["x-request-id"]
    }


def test_a_part_that_fails_is_named_and_nothing_is_cached(
    start_gateway: StartGateway, upstream: Upstream, signed_in: dict[str, str], tmp_path: Path
) -> None:
    answer_all(upstream)
    upstream.handlers[PARTS[1]] = answering({"code": "session_revoked"}, status=401)
    (tmp_path / "own.toml").write_text(OWN_PARTS)
    gateway = start_gateway(
        NOTIFICATIONS_URL="http://127.0.0.1:9", GATEWAY_ROUTES_FILE=str(tmp_path / "own.toml")
    )

    answer = httpx.get(f"{gateway.url}/api/v1/overview", headers=signed_in)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["data"] == {"name": "Ada"}
    assert answer.json()["errors"] == {
        "age": {"status": 502, "code": "unexpected_answer"},
        "topics": {"status": 503, "code": "connection_refused"},
        "sessions": {"status": 401, "code": "session_revoked"},
    }


def test_nothing_at_all_is_an_error(start_gateway: StartGateway, signed_in: dict[str, str]) -> None:
    nobody = "http://127.0.0.1:9"
    gateway = start_gateway(AUTH_URL=nobody, USERS_URL=nobody, NOTIFICATIONS_URL=nobody)

    answer = httpx.get(f"{gateway.url}/api/v1/overview", headers=signed_in)

    assert (answer.status_code, answer.json()["code"]) == (503, "upstream_unavailable")
    assert set(answer.json()["parts"]) == {"profile", "sessions"}


def test_nobody_gets_an_overview_without_a_token(client: httpx.Client, upstream: Upstream) -> None:
    assert client.get("/api/v1/overview").status_code == 401
    assert upstream.requests == []


async def test_a_service_whose_breaker_is_open_is_not_asked_for_its_part(
    app: GatewayFlask, app_client: httpx.AsyncClient, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    answer_all(upstream)
    await app.started()
    (replica,) = app.pipeline.services["users"].replicas
    for _ in range(breaker.LEAST_SAMPLE):
        replica.breaker.fail()

    answer = await app_client.get("/api/v1/overview", headers=signed_in)

    assert answer.json()["data"] == {"sessions": {"items": []}}
    assert answer.json()["errors"] == {"profile": {"status": 503, "code": "destination_unavailable"}}
    assert upstream.at(PARTS[0]) == []
