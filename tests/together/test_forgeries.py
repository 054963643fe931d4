"""Forged tokens at every verifier: the gateway, each service by itself, introspection. None takes any."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from typing import Any

import httpx
import pytest
import pytest_asyncio
from flask import Flask

from gateway.app import create_app as create_gateway
from gateway.edge_app import GatewayFlask
from gateway.settings import GatewaySettings
from services.auth.models import db
from services.auth.signing_keys import key_pairs, rotation
from shared.chassis.errors import PROBLEM_TYPE
from shared.chassis.sealing import Sealer
from shared.chassis.testing.tokens import OWN_SECRET, SECRET
from tests.together.forgeries import bent_headers, forgeries
from tests.together.forgeries.keys import ALGORITHMS, ISSUER, Keys, claims

PATHS = {
    "auth": "/api/v1/auth/sessions",
    "users": "/api/v1/users/me",
    "notifications": "/api/v1/notifications",
}
Call = Callable[[list[bytes]], Awaitable[httpx.Response]]


@pytest.fixture
def common(common: dict[str, Any]) -> dict[str, Any]:
    """Everything that may be accepted is: there is no more to attack than here."""
    return {**common, "jwt_algorithms": list(ALGORITHMS)}


@pytest.fixture
def apps(doorward_apps: tuple[dict[str, Flask], Any]) -> dict[str, Flask]:
    return doorward_apps[0]


@pytest.fixture
def keys(apps: dict[str, Flask]) -> Keys:
    """The keys of this backend: auth made them, and published them to the others."""
    sealer = Sealer([OWN_SECRET], "signing-key")
    with apps["auth"].app_context():
        for algorithm in ("EdDSA", "ES256", "RS256"):
            rotation.rotate(algorithm)
        pairs = {pair.algorithm: pair for pair in rotation.list_keys()}
        db.session.rollback()

    def private(algorithm: str) -> Any:
        return key_pairs.open_private_key(pairs[algorithm], sealer)

    return Keys(SECRET, private("EdDSA"), private("ES256"), private("RS256"))


@pytest_asyncio.fixture
async def gateway(common: dict[str, Any], apps: dict[str, Flask]) -> AsyncIterator[GatewayFlask]:
    settings = GatewaySettings(
        **common, session_secret_key="s" * 40, allowed_hosts=["testserver"], trusted_proxy_count=1
    )
    app = create_gateway(settings)
    yield app
    for stop in reversed(app.on_stop):
        await stop()


@pytest_asyncio.fixture
async def call_gateway(gateway: GatewayFlask) -> AsyncIterator[Call]:
    """Each request from an address of its own, so that none is refused for their number."""
    transport = httpx.ASGITransport(app=gateway)
    addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in count())
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:

        async def call(values: list[bytes]) -> httpx.Response:
            fields = [(b"X-Forwarded-For", next(addresses).encode())]
            return await client.get(
                PATHS["users"], headers=[*fields, *((b"Authorization", v) for v in values)]
            )

        yield call


@pytest.fixture(params=PATHS)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest_asyncio.fixture
async def call_service(common: dict[str, Any], apps: dict[str, Flask], service: str) -> AsyncIterator[Call]:
    """Directly, past the gateway; an asynchronous client would leave behind what was refused."""
    with httpx.Client(base_url=common[f"{service}_url"], trust_env=False, timeout=30) as client:

        async def call(values: list[bytes]) -> httpx.Response:
            headers = [(b"Authorization", value) for value in values]
            return client.get(PATHS[service], headers=headers)  # noqa: ASYNC212  (nothing else runs here)

        yield call


def bearer(token: str) -> list[bytes]:
    return [b"Bearer " + token.encode("utf-8", "surrogatepass")]


def is_refused(answer: httpx.Response) -> bool:
    return (
        answer.status_code == 401
        and answer.headers["Content-Type"] == PROBLEM_TYPE
        and answer.json()["code"] in {"token_invalid", "token_expired"}
        and answer.headers["WWW-Authenticate"] == 'Bearer realm="doorward", error="invalid_token"'
    )


def genuine(keys: Keys) -> Iterator[str]:
    now = int(time.time())
    for algorithm in ALGORITHMS:
        yield keys.genuine(algorithm, iss=ISSUER)
        yield keys.genuine(algorithm, iss="doorward")  # as the release before wrote it
        # The clock of the host that issued it may be a little ahead of this one's.
        yield keys.genuine(algorithm, iat=now + 3, nbf=now + 3, exp=now + 903)


def sendable(token: str) -> bool:
    """Whether an HTTP client sends it at all; the others go to the gateway's parser and to introspection."""
    return token.isprintable() or not token.isascii()


async def taken(call: Call, tokens: dict[str, str]) -> dict[str, str]:
    """What was not refused as it should be: every case that a test may complain of."""
    found = {}
    for name, token in tokens.items():
        answer = await call(bearer(token))
        if not is_refused(answer):
            found[name] = f"{answer.status_code} {answer.text[:200]}"
    return found


async def test_gateway_takes_none(call_gateway: Call, gateway: GatewayFlask, keys: Keys) -> None:
    assert {(await call_gateway(bearer(token))).status_code for token in genuine(keys)} == {404}
    remembered = len(gateway.pipeline.resources.tokens._verified)

    cases = forgeries(keys)

    assert len(cases) > 600
    assert await taken(call_gateway, cases) == {}
    assert len(gateway.pipeline.resources.tokens._verified) == remembered == 3 * len(ALGORITHMS)


async def test_service_takes_none(call_service: Call, keys: Keys) -> None:
    assert 401 not in {(await call_service(bearer(token))).status_code for token in genuine(keys)}

    cases = {name: token for name, token in forgeries(keys).items() if sendable(token)}

    assert len(cases) > 600
    assert await taken(call_service, cases) == {}


async def test_introspection_takes_none(apps: dict[str, Flask], keys: Keys) -> None:
    client = apps["auth"].test_client()
    headers = {"Authorization": bearer(keys.genuine("EdDSA"))[0].decode()}

    def introspect(token: str) -> Any:
        return client.post("/api/v1/auth/introspect", data={"token": token}, headers=headers)

    answers = {
        name: introspect(token) for name, token in forgeries(keys).items() if token and "\ud800" not in token
    }

    wrong = {
        name: a.text for name, a in answers.items() if (a.status_code, a.json) != (200, {"active": False})
    }
    assert wrong == {}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_gateway_takes_no_genuine_token_in_a_bent_header(
    call_gateway: Call, keys: Keys, algorithm: str
) -> None:
    headers = bent_headers(keys.genuine(algorithm), keys.genuine(algorithm))

    answers = {name: await call_gateway(values) for name, values in headers.items()}

    wrong = {
        name: answer.text
        for name, answer in answers.items()
        if not (is_refused(answer) if len(headers[name]) == 1 else is_repeated(answer))
    }
    assert wrong == {}


def is_repeated(answer: httpx.Response) -> bool:
    """Whether it says that two fields cannot both be believed."""
    return answer.status_code == 400 and answer.json()["code"] == "field_repeated"


async def test_service_takes_no_genuine_token_in_a_bent_header(call_service: Call, keys: Keys) -> None:
    headers = bent_headers(keys.genuine("EdDSA"), keys.genuine("HS256"))

    answers = {name: await call_service(values) for name, values in headers.items() if _sendable(values)}

    assert {name: a.text for name, a in answers.items() if not is_refused(a)} == {}


def _sendable(values: list[bytes]) -> bool:
    return all(value == value.strip() for value in values)


async def test_endless_headers_are_refused_before_they_are_read(call_gateway: Call, keys: Keys) -> None:
    tokens = {f"{size}": "A" * size for size in (10_000, 100_000, 1_000_000)}
    tokens |= {"dots": "." * 100_000, "brackets": keys.genuine("HS256") + "." * 50_000}

    assert await taken(call_gateway, tokens) == {}


async def test_claims_are_taken_as_auth_writes_them(call_gateway: Call, keys: Keys) -> None:
    """The control of the corpus: its claims are refused for what is wrong with them, and not for more."""
    whole = {"scope": "account", "roles": [], "auth_time": int(time.time()), "email_verified": True}

    answer = await call_gateway(bearer(keys.genuine("ES256", **whole)))

    assert answer.status_code == 404  # nobody of that id: the service was asked
    assert set(claims()) >= {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid"}
