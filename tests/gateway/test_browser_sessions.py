"""Cookies count for pages that may act by them, as the browser says, and reach no service."""

from asyncio import StreamReader, StreamWriter
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.policies.cors import CorsPolicy, CorsRule
from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import SECRET, access_token
from tests.gateway.conftest import ORIGIN, Gateway, StartGateway
from tests.gateway.echo import OK, Received, Upstream
from tests.gateway.test_keys import KEY_SET, Auth
from tests.gateway.test_revocations import revoke
from tests.together.forgeries.keys import Keys

ME = "/api/v1/users/me"
LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
ACCESS_NAME = "__Host-doorward-access"
REFRESH_NAME = "__Host-doorward-refresh"
DEVICE_NAME = "__Host-doorward-device"
OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}
STRANGERS = {
    "a foreign site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a foreign site in an old browser": {"Origin": "https://evil.example"},
    "a sibling domain": {"Origin": "https://evil.example.org", "Sec-Fetch-Site": "same-site"},
    "our name, longer": {"Origin": f"{ORIGIN}.evil.example", "Sec-Fetch-Site": "cross-site"},
    "plain HTTP": {"Origin": "http://app.example.org", "Sec-Fetch-Site": "cross-site"},
    "a sandboxed frame": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "a form without Origin": {},
    "a form of a sibling domain without Origin": {"Sec-Fetch-Site": "same-site"},
    "an address that was typed": {"Sec-Fetch-Site": "none"},
    "our origin, and the browser says otherwise": {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
}


@pytest.fixture
def cookie(account_id: UUID) -> str:
    return f"{ACCESS_NAME}={access_token(account_id)}"


def send(client: httpx.Client, method: str, path: str, cookie: str, fields: dict[str, str]) -> httpx.Response:
    return client.request(method, path, headers={"Cookie": cookie, **fields})


def code_of(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_cookie_of_an_allowed_origin_becomes_the_callers_token(
    client: httpx.Client, upstream: Upstream, cookie: str, method: str
) -> None:
    answer = send(client, method, ME, f"theme=dark; {cookie}; lang=en", OURS)

    (request,) = upstream.at(ME)
    assert answer.status_code == 200
    assert request.value("authorization") == f"Bearer {cookie.partition('=')[2]}"
    assert request.value("cookie") == "theme=dark; lang=en"
    assert request.value("token-delivery") == "cookie"


@pytest.mark.parametrize("fields", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_cookie_counts_for_no_other_page(
    client: httpx.Client, upstream: Upstream, cookie: str, method: str, fields: dict[str, str]
) -> None:
    answer = send(client, method, ME, cookie, fields)

    assert code_of(answer) == (403, "origin_not_allowed")
    assert upstream.at(ME) == []


@pytest.mark.parametrize("fields", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("path", [REFRESH, "/api/v1/auth/logout"])
def test_no_other_page_refreshes_or_signs_out(
    client: httpx.Client, upstream: Upstream, path: str, fields: dict[str, str]
) -> None:
    answer = send(client, "POST", path, f"{REFRESH_NAME}=some-token", fields)

    assert code_of(answer) == (403, "origin_not_allowed")
    assert upstream.at(path) == []


@pytest.mark.parametrize("fields", STRANGERS.values(), ids=STRANGERS)
def test_no_other_page_signs_its_visitor_in(
    client: httpx.Client, upstream: Upstream, fields: dict[str, str]
) -> None:
    answer = client.post(LOGIN, json={}, headers={**fields, "Token-Delivery": "cookie"})

    assert code_of(answer) == (403, "origin_not_allowed")
    assert upstream.at(LOGIN) == []


def test_pages_of_the_gateways_own_origin_may(client: httpx.Client, gateway: Gateway, cookie: str) -> None:
    own = {"Origin": gateway.url, "Sec-Fetch-Site": "same-origin"}
    reading = {"Sec-Fetch-Site": "same-origin"}

    statuses = [
        send(client, "POST", ME, cookie, own).status_code,
        send(client, "GET", ME, cookie, reading).status_code,
        send(client, "POST", ME, cookie, reading).status_code,  # browsers never leave Origin out of a POST
    ]

    assert statuses == [200, 200, 403]


def test_answer_to_a_cookie_is_kept_from_shared_caches(
    client: httpx.Client, upstream: Upstream, cookie: str, signed_in: dict[str, str]
) -> None:
    async def answer(_request: Received, _reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(OK + b"cache-control: no-store\r\ncontent-length: 2\r\n\r\n{}")

    unsaid = send(client, "GET", ME, cookie, OURS)
    by_token = client.get(ME, headers=signed_in)
    upstream.handlers[ME] = answer
    said = send(client, "GET", ME, cookie, OURS)

    assert unsaid.headers["cache-control"] == "private"
    assert "cache-control" not in by_token.headers
    assert said.headers["cache-control"] == "no-store"


def test_every_origin_is_nobody_in_particular() -> None:
    wildcard = CorsPolicy(CorsRule(name="all", origins=("*",)))
    subdomains = CorsPolicy(CorsRule(name="own", origins=("https://*.example.org",), allow_credentials=True))
    without = CorsPolicy(CorsRule(name="plain", origins=(ORIGIN,)))

    assert not wildcard.trusts(ORIGIN)
    assert not without.trusts(ORIGIN)
    assert subdomains.trusts(ORIGIN)
    assert not subdomains.trusts(f"{ORIGIN}.evil.example")


def test_refresh_cookie_serves_where_it_is_traded_and_nowhere_else(
    client: httpx.Client, upstream: Upstream
) -> None:
    cookie = f"{REFRESH_NAME}=the-token"

    traded = send(client, "POST", REFRESH, cookie, OURS)
    elsewhere = send(client, "GET", ME, cookie, OURS)
    signing_in = send(client, "POST", LOGIN, cookie, OURS)

    (refresh,), (login,) = upstream.at(REFRESH), upstream.at(LOGIN)
    assert (traded.status_code, signing_in.status_code) == (200, 200)
    assert refresh.value("authorization") == "Bearer the-token"
    assert refresh.value("token-delivery") == "cookie"
    assert refresh.value("cookie") is None
    assert code_of(elsewhere) == (401, "token_missing")
    assert (login.value("authorization"), login.value("cookie")) == (None, None)


def test_access_cookie_does_not_refresh(client: httpx.Client, upstream: Upstream, cookie: str) -> None:
    send(client, "POST", REFRESH, cookie, OURS)

    assert upstream.at(REFRESH)[0].value("authorization") is None


@pytest.mark.parametrize("path", [ME, LOGIN, "/api/v1/auth/sessions", "/.well-known/jwks.json"])
@pytest.mark.parametrize("fields", [OURS, STRANGERS["a foreign site"]], ids=["ours", "a stranger's"])
def test_no_service_sees_the_cookies(
    client: httpx.Client,
    upstream: Upstream,
    cookie: str,
    signed_in: dict[str, str],
    path: str,
    fields: dict[str, str],
) -> None:
    both = f"{cookie}; {REFRESH_NAME}=refresh-token"

    client.get(path, headers={"Cookie": both, **fields, **signed_in})

    sent = [value for request in upstream.at(path) for _, value in request.headers]
    assert sent or path == LOGIN  # which takes no GET
    assert not any(b"refresh-token" in value or cookie.encode() in value for value in sent)


def test_device_cookie_reaches_auth_alone(client: httpx.Client, upstream: Upstream, cookie: str) -> None:
    both = f"{cookie}; {DEVICE_NAME}=known"

    send(client, "POST", LOGIN, both, OURS)
    send(client, "GET", ME, both, OURS)

    assert upstream.at(LOGIN)[0].value("cookie") == f"{DEVICE_NAME}=known"
    assert upstream.at(ME)[0].value("cookie") is None


def test_cookie_planted_beside_the_real_one_makes_both_worthless(
    client: httpx.Client, upstream: Upstream, cookie: str
) -> None:
    answer = send(client, "GET", ME, f"{ACCESS_NAME}=planted; {cookie}", OURS)

    assert code_of(answer) == (401, "token_missing")
    assert upstream.at(ME) == []


def test_authorization_of_the_client_goes_before_its_cookies(
    client: httpx.Client, upstream: Upstream, cookie: str, signed_in: dict[str, str]
) -> None:
    send(client, "GET", ME, cookie, {**STRANGERS["a foreign site"], **signed_in})

    (request,) = upstream.at(ME)
    assert request.value("authorization") == signed_in["Authorization"]
    assert request.value("token-delivery") is None


def test_session_in_cookies_never_gets_its_tokens_in_a_body(client: httpx.Client, upstream: Upstream) -> None:
    refused = send(client, "POST", REFRESH, f"{REFRESH_NAME}=t", {**OURS, "Token-Delivery": "body"})
    unasked = send(client, "POST", REFRESH, f"{REFRESH_NAME}=t", OURS)

    assert code_of(refused) == (400, "token_delivery_invalid")
    assert unasked.status_code == 200
    assert upstream.at(REFRESH)[0].values("token-delivery") == ["cookie"]


@pytest.mark.parametrize("death", ["expired", "not ours", "revoked"])
def test_dead_cookie_stands_in_nobodys_way(
    start_gateway: StartGateway, redis_url: str, upstream: Upstream, account_id: UUID, death: str
) -> None:
    session = str(new_id())
    claims: dict[str, dict[str, Any]] = {"expired": {"exp": 1}, "not ours": {"iss": "somebody"}}
    token = access_token(account_id, claims={"sid": session, **claims.get(death, {})})
    if death == "revoked":
        revoke(redis_url, f"session:{session}")

    with httpx.Client(base_url=start_gateway().url) as client:
        signing_in = send(client, "POST", LOGIN, f"{ACCESS_NAME}={token}", OURS)
        calling = send(client, "GET", ME, f"{ACCESS_NAME}={token}", OURS)

    assert (signing_in.status_code, calling.status_code) == (200, 401)
    assert len(upstream.at(LOGIN)) == 1
    assert upstream.at(ME) == []


def test_session_stays_in_cookies_while_its_key_is_looked_up(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    key = Ed25519PrivateKey.generate()
    upstream.handlers[KEY_SET] = auth = Auth()
    with httpx.Client(base_url=start_gateway(JWT_ALGORITHMS="EdDSA").url) as client:
        auth.shown = [key]
        token = Keys(SECRET, key, None, None).genuine("EdDSA")  # type: ignore[arg-type]

        # auth is asked at most every few seconds, the first time at the start.
        wait_until(
            lambda: send(client, "GET", ME, f"{ACCESS_NAME}={token}", OURS).status_code == 200, what="the key"
        )

    (request,) = upstream.at(ME)
    assert request.value("authorization") == f"Bearer {token}"
    assert request.value("token-delivery") == "cookie"


def test_public_routes_answer_a_strangers_page_as_they_answer_anybody(
    client: httpx.Client, upstream: Upstream, cookie: str
) -> None:
    answer = send(client, "POST", LOGIN, cookie, STRANGERS["a sibling domain"])

    assert answer.status_code == 200
    assert upstream.at(LOGIN)[0].value("authorization") is None


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        (None, "private"),
        ("max-age=60", "max-age=60, private"),
        ("no-cache, must-revalidate", "no-cache, must-revalidate, private"),
        ("public, max-age=60", "public, max-age=60"),
        ("S-Maxage=60", "S-Maxage=60"),
        ("private, max-age=5", "private, max-age=5"),
        ("no-store", "no-store"),
    ],
)
@pytest.mark.parametrize("way", ["cookie", "api key"])
def test_an_answer_that_a_shared_cache_might_keep_is_its_callers(
    client: httpx.Client, upstream: Upstream, cookie: str, way: str, said: str | None, answered: str
) -> None:
    async def answer(_request: Received, _reader: StreamReader, writer: StreamWriter) -> None:
        field = f"cache-control: {said}\r\n" if said else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{field}content-length: 0\r\n\r\n".encode())

    async def exchange(request: Received, reader: StreamReader, writer: StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.value("content-length") or 0))
        body = orjson.dumps({"access_token": cookie.partition("=")[2], "expires_in": 900})
        writer.write(OK + b"content-length: %d\r\n\r\n%b" % (len(body), body))

    upstream.handlers[ME] = answer
    upstream.handlers["/internal/api-keys/exchange"] = exchange
    fields = {"Cookie": cookie, **OURS} if way == "cookie" else {"X-API-Key": f"dwk_cachekey_{'c' * 43}"}

    response = client.get(ME, headers=fields)

    assert (response.status_code, response.headers["cache-control"]) == (200, answered)
