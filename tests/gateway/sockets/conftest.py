"""A gateway whose routes allow WebSockets, and the services behind them; shared by the run."""

from collections.abc import Iterator

import pytest

from tests.gateway.conftest import Gateway, new_gateway
from tests.gateway.echo import Upstream
from tests.gateway.socket_service import SocketService

ROUTES = """
[upstreams.sockets]
urls = "SOCKETS"
[upstreams.raw]
urls = "RAW"
[limits.few]
quota = 3
window_seconds = 3600
slack = 0
[cors.app]
origins = ["https://app.example.org"]
allow_credentials = true
[cors.any]
origins = ["*"]
[[routes]]
name = "sockets"
prefix = "/ws"
upstream = "sockets"
access = "signed in"
websocket = true
cors = "app"
claims = { X-Account = "sub" }
[[routes]]
name = "public"
prefix = "/public"
rewrite_prefix = "/ws"
upstream = "sockets"
access = "public"
cors = "any"
websocket = { max_message_bytes = 1000, idle_seconds = 600 }
[[routes]]
name = "admins"
prefix = "/admins"
rewrite_prefix = "/ws"
upstream = "sockets"
access = { kind = "signed in", roles = "admin" }
websocket = true
[[routes]]
name = "limited"
prefix = "/limited"
rewrite_prefix = "/ws"
upstream = "sockets"
access = "public"
limits = "few"
websocket = true
[[routes]]
name = "idle"
prefix = "/idle"
rewrite_prefix = "/ws"
upstream = "sockets"
access = "public"
websocket = { idle_seconds = 0.3 }
[[routes]]
name = "raw"
prefix = "/raw"
upstream = "raw"
access = "public"
websocket = true
timeouts = { read = 1 }
[[routes]]
name = "plain"
prefix = "/plain"
upstream = "raw"
access = "public"
"""


@pytest.fixture(scope="session")
def service() -> Iterator[SocketService]:
    service = SocketService()
    service.start()
    yield service
    service.stop()


def routes_for(service: SocketService, raw: Upstream) -> str:
    return ROUTES.replace("SOCKETS", service.url).replace("RAW", raw.url)


@pytest.fixture(scope="session")
def sockets(
    redis_url: str,
    running_upstream: Upstream,
    service: SocketService,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("sockets")
    routes = folder / "routes.toml"
    routes.write_text(f"standalone = true\n{routes_for(service, running_upstream)}")
    settings = {"GATEWAY_ROUTES_FILE": str(routes), "GATEWAY_MOST_WEBSOCKETS_BY_CALLER": "20"}
    gateway = new_gateway(redis_url, running_upstream, folder / "gateway.log", settings)
    gateway.start()
    yield gateway
    gateway.stop()
