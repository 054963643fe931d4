"""Flask's hooks, error handlers and extensions work on forwarded requests, and the app is WSGI as well."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from flask import Response, current_app, g, jsonify, request
from flask_cors import CORS

from gateway.app import create_app
from gateway.edge_app import GatewayFlask
from gateway.settings import GatewaySettings
from shared.chassis import errors
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import SECRET, access_token, bearer
from tests.gateway.conftest import SESSION_SECRET
from tests.gateway.echo import Received, Upstream
from tests.gateway.socket_service import accepting

ME = "/api/v1/users/me"


class Teapot(errors.ApiError):
    """A team's own refusal."""

    status = 418
    code = "teapot"


CHAT = """
[upstreams.chat]
urls = "CHAT"
[[routes]]
name = "chat"
prefix = "/chat"
upstream = "chat"
access = "public"
websocket = true
"""


@pytest.fixture
def app(redis_url: str, upstream: Upstream, tmp_path: Path) -> GatewayFlask:
    (tmp_path / "routes.toml").write_text(CHAT.replace("CHAT", upstream.url))
    values: dict[str, Any] = {
        "jwt_secret_key": SECRET,
        "session_secret_key": SESSION_SECRET,
        "redis_url": redis_url,
        "public_url": "http://gateway.test",
        "auth_url": upstream.url,
        "users_url": upstream.url,
        "notifications_url": upstream.url,
        "routes_file": [str(tmp_path / "routes.toml")],
    }
    return create_app(GatewaySettings(**values))


@pytest.fixture
async def client(app: GatewayFlask) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield client
    await app.stopped()


async def test_hooks_run_around_a_forwarded_request(
    app: GatewayFlask, client: httpx.AsyncClient, account_id: UUID
) -> None:
    seen: list[str] = []

    @app.before_request
    def note() -> None:
        g.noted = request.headers["X-Mine"]
        seen.append(f"{request.method} {request.path} {request.endpoint} {request.remote_addr}")

    @app.before_request
    async def wait() -> None:
        await asyncio.sleep(0)
        seen.append("async before")

    @app.after_request
    def add(response: Response) -> Response:
        response.headers["X-Noted"] = g.noted
        return response

    @app.after_request
    async def add_later(response: Response) -> Response:
        seen.append(f"async after {response.status_code}")
        return response

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        seen.append(f"teardown {error}")

    answer = await client.get(ME, headers={"X-Mine": "yes", **bearer(access_token(account_id))})

    assert (answer.status_code, answer.headers["x-noted"]) == (200, "yes")
    assert seen == [f"GET {ME} forward 127.0.0.1", "async before", "async after 200", "teardown None"]


async def test_a_handshake_passes_the_hooks(
    app: GatewayFlask, client: httpx.AsyncClient, upstream: Upstream
) -> None:
    ended: list[bytes] = []

    async def accept(asked: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(asked))
        await reader.read(64)  # the gateway's Close
        writer.write_eof()
        ended.append(await reader.read())

    @app.before_request
    def stop() -> None:
        if "refuse" in request.args:
            raise Teapot

    @app.after_request
    def add(response: Response) -> Response:
        response.headers["X-Noted"] = "yes"
        return Response("mine") if "replace" in request.args else response

    upstream.handlers["/chat/room"] = accept
    await client.get("/livez")  # starts the app

    refused, replaced, let_in = [await handshake(app, query) for query in (b"refuse", b"replace", b"")]
    await asyncio.to_thread(
        wait_until, lambda: ended == [b"", b""], what="the end of both sockets", seconds=30
    )

    assert (refused["type"], refused["status"]) == ("websocket.http.response.start", 418)
    assert (replaced["type"], replaced["status"]) == ("websocket.http.response.start", 200)
    assert let_in["type"] == "websocket.accept"
    assert (b"x-noted", b"yes") in let_in["headers"]


async def handshake(app: GatewayFlask, query: bytes) -> Any:
    """What the app first says to a client that leaves behind its handshake."""
    told = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000, "reason": ""}]
    said: list[Any] = []
    fields = [(b"host", b"gateway.test"), (b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    scope = {"type": "websocket", "scheme": "ws", "http_version": "1.1", "path": "/chat/room"}
    scope |= {"raw_path": b"/chat/room", "query_string": query, "headers": fields, "subprotocols": []}

    async def receive() -> Any:
        return told.pop(0)

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]


async def test_a_hook_may_answer_or_refuse_and_handlers_handle(
    app: GatewayFlask, client: httpx.AsyncClient, upstream: Upstream
) -> None:
    @app.before_request
    def stop() -> Response | None:
        if "refuse" in request.args:
            raise Teapot
        if "fail" in request.args:
            raise LookupError
        return jsonify(mine=True) if "answer" in request.args else None

    @app.errorhandler(LookupError)
    def handle(_error: LookupError) -> tuple[Response, int]:
        return jsonify(handled=current_app.name), 409

    refused, failed, answered = [await client.get(f"{ME}?{word}") for word in ("refuse", "fail", "answer")]

    assert (refused.status_code, refused.json()["code"]) == (418, "teapot")
    assert (failed.status_code, failed.json()["handled"]) == (409, app.name)
    assert answered.json() == {"mine": True}
    assert upstream.requests == []


async def test_what_a_hook_raises_is_a_problem_and_a_line(
    app: GatewayFlask,
    client: httpx.AsyncClient,
    account_id: UUID,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail_at(place: str) -> None:
        if request.args.get("fail") == place:
            raise LookupError(f"secret cause {place}")

    app.before_request(lambda: fail_at("before"))
    app.teardown_request(lambda _error: fail_at("teardown"))

    @app.after_request
    def after(response: Response) -> Response:
        fail_at("after")
        return response

    upstream.handlers[ME] = _begin_an_answer
    token = bearer(access_token(account_id))

    for place in ("before", "after", "teardown"):
        caplog.clear()
        answer = await client.get(ME, params={"fail": place}, headers=token)

        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "secret" not in answer.text
        assert "unexpected_error" in caplog.text
        assert f"secret cause {place}" in caplog.text
        assert app.pipeline.services["users"].outstanding == 0  # the answer that went with it is let go


async def _begin_an_answer(
    _asked: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    await reader.read()  # until the gateway ends it


async def test_an_extension_works_on_forwarded_requests_too(
    app: GatewayFlask, client: httpx.AsyncClient, account_id: UUID
) -> None:
    CORS(app, resources={r"/api/v1/users/.*": {"origins": "https://team.example"}})

    answer = await client.get(
        ME, headers={"Origin": "https://team.example", **bearer(access_token(account_id))}
    )

    assert answer.headers["access-control-allow-origin"] == "https://team.example"


async def test_views_of_both_kinds_are_served(app: GatewayFlask, client: httpx.AsyncClient) -> None:
    @app.get("/own/async")
    async def own_async() -> Response:
        await asyncio.sleep(0)
        return jsonify(loop=bool(asyncio.get_running_loop()))

    @app.post("/own/sync")
    def own_sync() -> Response:
        return jsonify(body=request.get_data(as_text=True), query=request.args["a"])

    app.extensions["csrf"].exempt(own_sync)  # views of the gateway's own are protected unless they say so
    on_loop = await client.get("/own/async")
    in_thread = await client.post("/own/sync?a=%C3%A9", content=b"hello")
    too_large = await client.post("/own/sync?a=1", content=b"x" * 2_000_000)

    assert on_loop.json() == {"loop": True}
    assert in_thread.json() == {"body": "hello", "query": "é"}
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")


async def test_a_blocking_view_does_not_hold_the_others_up(
    app: GatewayFlask, client: httpx.AsyncClient
) -> None:
    is_blocking, others_are_served = threading.Event(), threading.Event()

    @app.get("/own/slow")
    def slow() -> Response:
        is_blocking.set()
        return jsonify(others_are_served=others_are_served.wait(10))

    pending = asyncio.create_task(client.get("/own/slow"))
    await asyncio.to_thread(is_blocking.wait, 10)
    live = await client.get("/livez")
    others_are_served.set()

    assert live.status_code == 200
    assert (await pending).json() == {"others_are_served": True}


def test_the_app_is_an_ordinary_wsgi_app_too(app: GatewayFlask) -> None:
    client = app.test_client()

    assert client.get("/livez").get_json() == {"status": "pass"}
    assert client.get("/nowhere").get_json()["code"] == "not_found"
    assert client.get("/console/").headers["Location"].startswith("/console/sign-in")
