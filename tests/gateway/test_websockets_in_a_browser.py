"""WebSockets as a real browser opens them: by cookies, by a token as a subprotocol, from whatever page."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, BrowserContext

from shared.chassis.testing.tokens import access_token
from shared.contracts import delivery
from tests.browsers import open_browser, serving_page
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import Received, Upstream
from tests.gateway.socket_service import SocketService

pytestmark = pytest.mark.browser

ROUTES = """
[upstreams.sockets]
urls = "SOCKETS"
[upstreams.raw]
urls = "RAW"
[cors.app]
origins = "ALLOWED"
allow_credentials = true
[[routes]]
name = "sockets"
prefix = "/ws"
upstream = "sockets"
cors = "app"
websocket = true
[[routes]]
name = "sign-in"
prefix = "/sign-in"
upstream = "raw"
access = "public"
"""
# What the page sees: the subprotocol and the echo, then how the socket closes.
OPEN = """([url, protocols]) => new Promise((resolve) => {
  const socket = new WebSocket(url, protocols), seen = { protocol: null, messages: [], code: null };
  socket.onopen = () => { seen.protocol = socket.protocol; socket.send("größer"); };
  socket.onmessage = (event) => {
    seen.messages.push(event.data);
    if (url.endsWith("/echo")) socket.close(4000);
  };
  socket.onclose = (event) => { seen.code = event.code; resolve(seen); };
})"""


@pytest.fixture(scope="module")
def service() -> Iterator[SocketService]:
    service = SocketService()
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def origins() -> Iterator[tuple[str, str]]:
    """An allowed origin and a foreign one."""
    with serving_page() as allowed, serving_page() as foreign:
        yield f"http://127.0.0.1:{allowed}", f"http://127.0.0.1:{foreign}"


@pytest.fixture
def gateway(
    start_gateway: StartGateway, service: SocketService, upstream: Upstream, origins: tuple[str, str]
) -> Gateway:
    routes = (
        ROUTES.replace("SOCKETS", service.url).replace("RAW", upstream.url).replace("ALLOWED", origins[0])
    )
    return start_gateway(routes=routes)


@pytest.fixture
def signed_in(
    browser: Browser, gateway: Gateway, upstream: Upstream, account_id: UUID
) -> Iterator[BrowserContext]:
    """A browser with the session in its cookies; a loopback address is as good as https to it."""
    cookie = f"{delivery.ACCESS_COOKIE}={access_token(account_id)}; Path=/; Secure; HttpOnly; SameSite=Lax"

    async def sign_in(_: Received, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nset-cookie: {cookie}\r\ncontent-length: 0\r\n\r\n".encode())

    upstream.handlers["/sign-in"] = sign_in
    with browser.new_context() as context:
        context.new_page().goto(f"{gateway.url}/sign-in")
        yield context


def seen_by(context: BrowserContext, page_url: str, gateway: Gateway, path: str, *protocols: str) -> Any:
    page = context.new_page()
    page.goto(page_url)
    return page.evaluate(OPEN, [f"ws://127.0.0.1:{gateway.port}{path}", list(protocols)])


NOTHING = {"protocol": None, "messages": [], "code": 1006}
ECHOED = {"protocol": "", "messages": ["größer"], "code": 4000}


def test_cookies_serve_pages_of_allowed_origins_alone(
    signed_in: BrowserContext, gateway: Gateway, origins: tuple[str, str]
) -> None:
    allowed, foreign = (seen_by(signed_in, origin, gateway, "/ws/echo") for origin in origins)

    assert (allowed, foreign) == (ECHOED, NOTHING)


def test_a_token_serves_as_a_subprotocol(
    browser: Browser, gateway: Gateway, origins: tuple[str, str], account_id: UUID
) -> None:
    token = f"bearer.{access_token(account_id)}"
    with browser.new_context() as context:
        without = seen_by(context, origins[0], gateway, "/ws/echo")
        marked = seen_by(context, origins[0], gateway, "/ws/echo", "bearer", token)
        chosen = seen_by(context, origins[0], gateway, "/ws/echo", token, "chat")
        unchosen = seen_by(context, origins[0], gateway, "/ws/echo", token)
        foreign = seen_by(context, origins[1], gateway, "/ws/echo", "bearer", token)

    assert marked == {**ECHOED, "protocol": "bearer"}
    assert chosen == {**ECHOED, "protocol": "chat"}
    assert without == unchosen == foreign == NOTHING


@pytest.mark.parametrize(("path", "code"), [("/ws/die", 1011), ("/ws/close/3001", 3001)])
def test_a_page_sees_how_a_socket_ends(
    signed_in: BrowserContext, gateway: Gateway, origins: tuple[str, str], path: str, code: int
) -> None:
    assert seen_by(signed_in, origins[0], gateway, path) == {"protocol": "", "messages": [], "code": code}
