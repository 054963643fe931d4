"""auth's public keys at a real gateway: learnt when needed, kept without auth, dropped when withdrawn."""

import asyncio
from time import monotonic

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.chassis.published_keys import ASK_AGAIN_SECONDS
from shared.chassis.signing_keys import public_jwk
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import SECRET
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import OK, Received, Upstream
from tests.together.forgeries.keys import Keys

KEY_SET = "/.well-known/jwks.json"
ME = "/api/v1/users/me"


class Auth:
    """The part of auth that shows keys."""

    def __init__(self) -> None:
        self.shown: list[Ed25519PrivateKey] = []
        self.is_away = False

    async def __call__(
        self, _request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.is_away:
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
            return
        body = orjson.dumps({"keys": [public_jwk("EdDSA", key.public_key()) for key in self.shown]})
        writer.write(OK + b"content-length: %d\r\n\r\n%b" % (len(body), body))


@pytest.fixture
def auth(upstream: Upstream) -> Auth:
    upstream.handlers[KEY_SET] = auth = Auth()
    return auth


def status(gateway: Gateway, key: Ed25519PrivateKey) -> int:
    token = Keys(SECRET, key, None, None).genuine("EdDSA")  # type: ignore[arg-type]
    return status_of(gateway, token)


def status_of(gateway: Gateway, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{gateway.url}{ME}", headers=headers, timeout=10).status_code


def questions(upstream: Upstream) -> int:
    return sum(request.target == KEY_SET for request in upstream.requests)


def test_keys_are_learnt_kept_and_dropped(
    start_gateway: StartGateway, upstream: Upstream, auth: Auth
) -> None:
    first, second, stranger = (Ed25519PrivateKey.generate() for _ in range(3))
    auth.shown = [first]
    gateway = start_gateway(JWT_ALGORITHMS="EdDSA")
    token = Keys(SECRET, first, None, None).genuine("EdDSA")  # type: ignore[arg-type]

    assert status_of(gateway, token) == 200
    asked, began = questions(upstream), monotonic()
    assert {status(gateway, Ed25519PrivateKey.generate()) for _ in range(20)} == {401}
    times = 1 + (monotonic() - began) // ASK_AGAIN_SECONDS
    assert questions(upstream) - asked <= times  # however many strangers come

    auth.is_away = True
    wait_until(lambda: status(gateway, stranger) == 503, what="auth's silence", seconds=60)
    assert [status(gateway, first), status_of(gateway, token)] == [200, 200]

    auth.shown, auth.is_away = [second], False
    wait_until(lambda: status(gateway, second) == 200, what="the next key", seconds=60)
    wait_until(lambda: status_of(gateway, token) == 401, what="the loss of the first", seconds=60)


def test_without_keys_of_its_own_auth_is_never_asked(
    gateway: Gateway, upstream: Upstream, auth: Auth
) -> None:
    assert status(gateway, Ed25519PrivateKey.generate()) == 401
    assert questions(upstream) == 0
