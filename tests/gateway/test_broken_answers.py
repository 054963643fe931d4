"""Answers that are none, or that end too early: each is told to the client as what it is."""

import asyncio
import itertools
from collections.abc import Iterator

import orjson
import pytest

from tests.gateway.broken_service import ask, sending
from tests.gateway.conftest import Gateway, new_gateway
from tests.gateway.echo import Upstream

PLACES = 40
PLACE = """
[upstreams.u{number}]
urls = ["${{USERS_URL}}"]
[[routes]]
name = "x{number}"
prefix = "/x{number}"
upstream = "u{number}"
access = "public"
timeouts = {{ connect = 10, read = 30, total = 60 }}
[[routes]]
name = "hasty{number}"
prefix = "/hasty{number}"
upstream = "u{number}"
access = "public"
timeouts = {{ connect = 10, read = 1.5, total = 3 }}
"""
_numbers = itertools.count()


@pytest.fixture(scope="module")
def shared_gateway(
    redis_url: str, running_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway for many tests: each has a service of its own, whose breaker is in nobody else's way."""
    folder = tmp_path_factory.mktemp("faults")
    routes = folder / "routes.toml"
    routes.write_text("standalone = true\n" + "".join(PLACE.format(number=n) for n in range(PLACES)))
    settings = {"GATEWAY_ROUTES_FILE": str(routes)}
    gateway = new_gateway(redis_url, running_upstream, folder / "gateway.log", settings)
    gateway.start()
    yield gateway
    gateway.stop()


def place(then: str) -> str:
    """A path at a service that no test has had; one without much time where the service is to hang."""
    prefix = "hasty" if then == "hang" else "x"
    return f"/{prefix}{next(_numbers) % PLACES}"


@pytest.mark.parametrize(
    ("data", "then", "status", "error"),
    [
        (b"", "close", 502, "connection_terminated"),
        (b"", "reset", 502, "connection_terminated"),
        (b"", "half-close", 502, "connection_terminated"),
        (b"", "hang", 504, "http_response_timeout"),
        (b"HTTP/1.1 200", "close", 502, "http_response_incomplete"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", "reset", 502, "http_response_incomplete"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", "hang", 504, "http_response_timeout"),
        (b"garbage\r\n\r\n", "keep", 502, "http_protocol_error"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "hang", 504, "http_response_timeout"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", "keep", 502, "http_protocol_error"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "keep",
            502,
            "http_protocol_error",
        ),
        (b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n", "keep", 502, "http_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "keep", 502, "http_protocol_error"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "keep", 502, "http_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "keep", 502, "http_protocol_error"),
    ],
)
async def test_a_broken_answer_is_told_as_what_it_is(
    shared_gateway: Gateway, upstream: Upstream, data: bytes, then: str, status: int, error: str
) -> None:
    path = place(then)
    upstream.handlers[path] = sending(data, then=then)

    answer = await ask(shared_gateway, path, method="POST", body=b"once")

    assert (answer.status, answer.headers["proxy-status"]) == (status, f"doorward; error={error}")
    assert orjson.loads(answer.body)["code"] == {502: "bad_gateway", 504: "gateway_timeout"}[status]
    assert len(upstream.at(path)) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 10\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Content-Length: 9\r\n\r\n",
    ],
)
@pytest.mark.parametrize("then", ["close", "reset", "hang"])
async def test_an_answer_that_breaks_off_does_not_look_complete(
    shared_gateway: Gateway, upstream: Upstream, head: bytes, then: str
) -> None:
    path = place(then)
    upstream.handlers[path] = sending(b"HTTP/1.1 200 OK\r\n" + head, then=then)

    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await ask(shared_gateway, path)
    assert (await ask(shared_gateway, f"{path}/other")).status == 200
