"""The console: an administrator's account, a session on the server, no form from another site."""

import asyncio
import re
from collections.abc import Iterator
from uuid import UUID

import httpx
import orjson
import pytest
from redis import Redis

from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import access_token
from tests.gateway.conftest import StartGateway
from tests.gateway.echo import Handler, Received, Upstream

PASSWORD = "correct horse battery staple"


def answering(status: int, content: dict[str, object]) -> Handler:
    async def answer(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = await reader.readexactly(int(request.value("content-length") or 0))
        request.body = sent
        body = orjson.dumps(content)
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))

    return answer


def pair(account_id: UUID, *roles: str, **claims: object) -> dict[str, object]:
    return {
        "access_token": access_token(account_id, roles=roles, claims=claims),
        "refresh_token": "the-refresh-token",
    }


@pytest.fixture
def browser(start_gateway: StartGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=start_gateway().url, follow_redirects=True) as client:
        yield client


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


def submit(browser: httpx.Client, page: str, **fields: str) -> httpx.Response:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(page).text)
    assert token is not None
    return browser.post(
        page, data={"csrf_token": token[1], **fields}, headers={"Referer": str(browser.base_url)}
    )


def sign_in(browser: httpx.Client, **fields: str) -> httpx.Response:
    return submit(browser, "/console/sign-in", email="ada@example.org", password=PASSWORD, **fields)


def test_nobody_sees_the_dashboard_unasked(browser: httpx.Client) -> None:
    page = browser.get("/console/")

    assert page.url.path == "/console/sign-in"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_an_administrator_signs_in_and_out(
    browser: httpx.Client, upstream: Upstream, account_id: UUID, redis: Redis
) -> None:
    upstream.handlers["/api/v1/auth/login"] = answering(200, pair(account_id, "admin"))
    upstream.handlers["/api/v1/auth/logout"] = answering(204, {})

    page = sign_in(browser)
    stored = redis.keys("doorward:console:*")
    contents = redis.mget(stored)
    (cookie,) = [cookie for cookie in browser.cookies.jar if cookie.name == "doorward_console"]
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token is not None
    out = browser.post("/console/sign-out", data={"csrf_token": token[1]})

    assert page.url.path == "/console/"
    assert "auth-sign-in" in page.text
    assert "healthy" in page.text
    # A table that is wider than a phone is scrolled by the keyboard too.
    assert page.text.count('<div class="scroll" tabindex="0" role="region" aria-labelledby=') == 2
    assert (cookie.path, cookie.has_nonstandard_attr("HttpOnly")) == ("/console", True)
    assert len(stored) == 2
    assert not any(b"the-refresh-token" in value for value in contents)
    assert out.url.path == "/console/sign-in"
    assert browser.get("/console/").url.path == "/console/sign-in"
    assert len(upstream.at("/api/v1/auth/logout")) == 1


@pytest.mark.parametrize(
    ("status", "content", "text"),
    [
        (401, {"code": "invalid_credentials", "detail": "x"}, "do not belong together"),
        (429, {"code": "rate_limited", "detail": "Too many requests."}, "Too many requests."),
        (500, {"code": "internal_error"}, "does not answer now"),
    ],
)
def test_a_refused_sign_in_says_why(
    browser: httpx.Client, upstream: Upstream, status: int, content: dict[str, object], text: str
) -> None:
    upstream.handlers["/api/v1/auth/login"] = answering(status, content)

    page = sign_in(browser)

    assert page.url.path == "/console/sign-in"
    assert text in page.text
    assert PASSWORD not in page.text


def test_an_account_without_the_role_stays_out(
    browser: httpx.Client, upstream: Upstream, account_id: UUID
) -> None:
    upstream.handlers["/api/v1/auth/login"] = answering(200, pair(account_id, "user"))
    upstream.handlers["/api/v1/auth/logout"] = answering(204, {})

    page = sign_in(browser)

    assert "not an administrator" in page.text
    assert len(upstream.at("/api/v1/auth/logout")) == 1


def test_a_form_without_its_token_does_nothing(browser: httpx.Client, upstream: Upstream) -> None:
    browser.get("/console/sign-in")

    page = browser.post("/console/sign-in", data={"email": "ada@example.org", "password": PASSWORD})

    assert page.status_code == 400
    assert upstream.at("/api/v1/auth/login") == []


def test_a_second_factor_is_asked_for(browser: httpx.Client, upstream: Upstream, account_id: UUID) -> None:
    mfa = {"code": "mfa_required", "detail": "x", "mfa_token": "the-mfa-token", "methods": ["totp"]}
    upstream.handlers["/api/v1/auth/login"] = answering(401, mfa)
    upstream.handlers["/api/v1/auth/mfa/verify"] = answering(200, pair(account_id, "admin"))

    asked = sign_in(browser)
    done = submit(browser, "/console/second-factor", code="123 456")

    assert asked.url.path == "/console/second-factor"
    assert done.url.path == "/console/"
    (request,) = upstream.at("/api/v1/auth/mfa/verify")
    assert orjson.loads(request.body) == {"mfa_token": "the-mfa-token", "code": "123 456"}


def test_a_remembered_operator_needs_no_new_session(
    browser: httpx.Client, upstream: Upstream, account_id: UUID
) -> None:
    upstream.handlers["/api/v1/auth/login"] = answering(200, pair(account_id, "admin"))
    sign_in(browser, remember="y")

    browser.cookies.delete("doorward_console", path="/console", domain="127.0.0.1")

    assert browser.get("/console/").url.path == "/console/"


def test_a_session_that_auth_ended_is_over_here_too(
    browser: httpx.Client, upstream: Upstream, account_id: UUID, redis: Redis
) -> None:
    upstream.handlers["/api/v1/auth/login"] = answering(
        200, pair(account_id, "admin", sid="0198f0a0-0000-7000-8000-000000000001")
    )
    assert sign_in(browser).url.path == "/console/"

    news = {"member": "session:0198f0a0-0000-7000-8000-000000000001", "expires_at": 4_000_000_000}
    redis.publish("doorward:revocations", orjson.dumps(news))

    wait_until(
        lambda: browser.get("/console/").url.path == "/console/sign-in", what="an end that was heard of"
    )


def test_sign_ins_are_counted(browser: httpx.Client, upstream: Upstream) -> None:
    upstream.handlers["/api/v1/auth/login"] = answering(401, {"code": "invalid_credentials", "detail": "x"})

    pages = [sign_in(browser).status_code for _ in range(11)]

    assert pages == [200] * 10 + [429]
