"""A WSGI app behind the server sees PEP 3333's environ, in a thread; its answer is sent in pieces."""

import io
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, request, send_file, stream_with_context

from shared.serving.messages import Message
from shared.serving.wsgi import WsgiApp
from shared.serving.wsgi_body import ClientLeft

SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "https",
    "path": "/é x",
    "raw_path": b"/%C3%A9%20x",
    "query_string": b"a=%C3%A9",
    "headers": [(b"host", b"h"), (b"content-length", b"6"), (b"x-a", b"1"), (b"x-a", b"2")],
    "client": ("203.0.113.9", 4711),
    "server": ("127.0.0.1", 80),
}


async def call(app: Any, *messages: Message, **scope: Any) -> tuple[int, list[Message]]:
    """The status, and what was sent."""
    waiting = list(messages) or [{"type": "http.request", "body": b""}]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    wsgi = WsgiApp(app, threads=2)
    return await wsgi({**SCOPE, **scope}, receive, send, extra={"REMOTE_USER": "ada"}), sent


def body_of(sent: list[Message]) -> bytes:
    assert sent[-1] == {"type": "http.response.body"}
    return b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)

    @app.post("/<path:rest>")
    def echo(rest: str) -> dict[str, Any]:
        return {
            "rest": rest,
            "query": request.args["a"],
            "body": request.get_data(as_text=True),
            "field": request.headers["X-A"],
            "is_secure": request.is_secure,
            "address": request.remote_addr,
            "user": request.remote_user,
            "thread": threading.current_thread().name,
        }

    @app.get("/file")
    def file() -> Response:
        return send_file(io.BytesIO(b"x" * 200_000), mimetype="text/plain")

    @app.get("/stream")
    def stream() -> Response:
        def pieces() -> Iterator[bytes]:
            yield request.path.encode()
            yield b"!"

        return Response(stream_with_context(pieces()))

    return app


async def test_a_request_is_flasks_as_it_came(app: Flask) -> None:
    pieces: list[Message] = [
        {"type": "http.request", "body": b"abc", "more_body": True},
        {"type": "http.request", "body": b"def"},
    ]

    status, sent = await call(app.wsgi_app, *pieces)

    seen = app.json.loads(body_of(sent))
    assert status == sent[0]["status"] == 200
    assert (seen["rest"], seen["query"], seen["body"], seen["field"]) == ("é x", "é", "abcdef", "1,2")
    assert (seen["is_secure"], seen["address"], seen["user"]) == (True, "203.0.113.9", "ada")
    assert seen["thread"].startswith("view")


async def test_large_and_streamed_answers_come_in_pieces(app: Flask) -> None:
    _, large = await call(app.wsgi_app, method="GET", path="/file", headers=[])
    _, streamed = await call(app.wsgi_app, method="GET", path="/stream", headers=[])

    assert body_of(large) == b"x" * 200_000
    assert max(len(message.get("body", b"")) for message in large[1:]) <= 65_536
    assert body_of(streamed) == b"/stream!"


async def test_a_client_may_leave(app: Flask) -> None:
    with pytest.raises(ClientLeft):
        await call(app.wsgi_app, {"type": "http.disconnect"})


async def test_an_answer_is_closed_though_its_client_does_not_take_it() -> None:
    is_closed = threading.Event()

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"a", b"b"])

        def close(self) -> None:
            is_closed.set()

    def app(_environ: Any, start_response: Any) -> Pieces:
        start_response("200 OK", [])
        return Pieces()

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await WsgiApp(app, threads=1)(SCOPE, receive, send)

    assert is_closed.wait(30)
