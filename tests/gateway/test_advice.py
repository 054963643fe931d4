"""What a developer is told who has nearly got it right: by the answer, and in development by the log."""

import base64

import httpx
import pytest

from gateway.cookie_advice import of as advice
from shared.chassis.ids import new_id
from shared.chassis.origins import OriginList
from shared.chassis.settings import EnvironmentSettings, SettingsError
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import access_token
from tests.gateway.conftest import ORIGIN, Gateway, StartGateway

ME = "/api/v1/users/me"
REFRESH_TOKEN = base64.urlsafe_b64encode(b"\x01" + bytes(56)).decode()
PAGE, OTHER_PAGE = "http://localhost:5173", "http://127.0.0.1:3000"


@pytest.fixture
def development(start_gateway: StartGateway) -> Gateway:
    return start_gateway(DOORWARD_ENVIRONMENT="development")


def preflight(gateway: Gateway, origin: str, fields: str = "authorization") -> httpx.Response:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": fields}
    return httpx.options(f"{gateway.url}{ME}", headers={"Origin": origin, **asked})


@pytest.mark.parametrize(
    ("authorization", "sentence"),
    [
        (access_token(new_id()), "write the word Bearer and a blank before the token"),
        (REFRESH_TOKEN, "write the word Bearer and a blank before the token"),
        (f"Bearer {REFRESH_TOKEN}", "This is a refresh token: send the access token here"),
        ("Bearer rubbish", "This access token is not valid."),
    ],
)
def test_usual_mistakes_with_tokens_are_named(
    client: httpx.Client, authorization: str, sentence: str
) -> None:
    answer = client.get(ME, headers={"Authorization": authorization})

    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    assert sentence in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/api/auth/login", "/api/v1/auth/login"),
        ("/v1/auth/login", "/api/v1/auth/login"),
        ("/auth/login", "/api/v1/auth/login"),
        ("/users/me", "/api/v1/users/me"),
    ],
)
def test_address_without_its_version_is_told_the_right_one(
    client: httpx.Client, path: str, meant: str
) -> None:
    answer = client.post(path, json={})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert f"did you mean {meant}?" in answer.json()["detail"]


def test_address_of_nothing_is_told_none(client: httpx.Client) -> None:
    assert "did you mean" not in client.get("/api/v2/auth/login").json()["detail"]


def test_pages_of_this_machine_may_call_by_token_and_not_by_cookie(development: Gateway) -> None:
    for page in (PAGE, OTHER_PAGE):
        granted = preflight(development, page).headers
        by_cookie = httpx.post(
            f"{development.url}/api/v1/auth/login",
            json={},
            headers={"Origin": page, "Token-Delivery": "cookie"},
        )

        assert granted["access-control-allow-origin"] == page
        assert granted["access-control-allow-headers"] == "authorization"
        assert "access-control-allow-credentials" not in granted
        assert (by_cookie.status_code, by_cookie.json()["code"]) == (403, "origin_not_allowed")
    assert (
        preflight(development, "http://localhost.example").headers.get("access-control-allow-origin") is None
    )


def test_refused_preflights_and_cookies_are_explained_in_the_log_once(development: Gateway) -> None:
    for _ in range(2):
        preflight(development, "https://new.example.org")
        preflight(development, ORIGIN, "x-shop")
        delivery = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site", "Token-Delivery": "cookie"}
        httpx.post(f"{development.url}/api/v1/auth/login", json={}, headers=delivery)

    hints = [
        "name the origin in GATEWAY_ALLOWED_ORIGINS: https://new.example.org",
        "allow_headers of [cors.apps] in the route file lacks x-shop",
        "This page is cross-site: open the page on 127.0.0.1",
    ]
    wait_until(lambda: all(hint in development.lines() for hint in hints), what="the hints")
    assert [development.lines().count(hint) for hint in hints] == [1, 1, 1]


def test_browser_that_refuses_cookies_at_the_preflight_is_explained_in_the_log(
    development: Gateway,
) -> None:
    """A page with `credentials: "include"` is stopped there, so no request follows that could be refused."""
    page = "http://localhost:5199"

    granted = preflight(development, page, "content-type, token-delivery").headers

    assert "access-control-allow-credentials" not in granted
    wait_until(lambda: page in development.lines(), what="the hint")
    assert "cookies_refused" in development.lines()
    assert "This page is cross-site: open the page on 127.0.0.1" in development.lines()


def test_production_knows_no_page_of_this_machine_and_writes_no_hint(gateway: Gateway) -> None:
    answer = preflight(gateway, PAGE)

    assert "access-control-allow-origin" not in answer.headers
    assert "preflight_refused" not in gateway.lines()


@pytest.mark.parametrize(
    ("origin", "site", "sentence"),
    [
        (
            "http://localhost:5173",
            b"cross-site",
            "open the page on 127.0.0.1 (or call the gateway on localhost)",
        ),
        ("https://shop.example", b"cross-site", "serve it from the same registrable domain as 127.0.0.1"),
        ("http://127.0.0.1:5173", b"same-site", "name it in GATEWAY_ALLOWED_ORIGINS"),
        ("", None, "wants the browser to say which page sends the request"),
        ("http://[", None, "name it in GATEWAY_ALLOWED_ORIGINS"),
    ],
)
def test_page_that_may_not_act_by_cookies_is_told_what_to_do(
    origin: str, site: bytes | None, sentence: str
) -> None:
    assert sentence in advice(origin, site, "http://127.0.0.1:8080")


def test_page_of_the_api_calls_the_host_that_it_is_read_at(client: httpx.Client) -> None:
    elsewhere = client.get("/openapi.json", headers={"Host": "localhost:8080"}).json()["servers"]
    here = client.get("/openapi.json", headers={"Host": "gateway.test"}).json()["servers"]

    assert [server["url"] for server in elsewhere] == ["http://localhost:8080", "http://gateway.test"]
    assert [server["url"] for server in here] == ["http://gateway.test"]
    assert client.get("/docs/", headers={"Host": "localhost:8080"}).status_code == 200


class OriginSettings(EnvironmentSettings):
    """A setting that lists origins."""

    origins: OriginList


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://app.example.org/", "https://app.example.org"),
        ("HTTPS://App.Example.org", "https://app.example.org"),
        ("https://*.example.org", "https://*.example.org"),
        ("http://localhost:*", "http://localhost:*"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_origin_is_taken_as_it_is_meant(monkeypatch: pytest.MonkeyPatch, written: str, meant: str) -> None:
    monkeypatch.setenv("ORIGINS", written)

    assert OriginSettings.load().origins == [meant]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("localhost:5173", '"localhost:5173" has no scheme; write http://localhost:5173.'),
        ("app.example.org", '"app.example.org" has no scheme; write https://app.example.org.'),
        (
            "https://app.example.org/shop",
            "has a path, which an origin does not have; write https://app.example.org.",
        ),
        ("https://app example", "is not an origin; write scheme, host and port, as https://app.example.org."),
        ("*", "* would let every page use its visitors' cookies; list the origins"),
    ],
)
def test_origin_that_is_none_is_explained(
    monkeypatch: pytest.MonkeyPatch, written: str, sentence: str
) -> None:
    monkeypatch.setenv("ORIGINS", written)

    with pytest.raises(SettingsError) as caught:
        OriginSettings.load()

    (line,) = str(caught.value).splitlines()
    assert line.startswith("ORIGINS: ")
    assert sentence in line
