"""Pages of allowed origins may call, others may not, and errors can be read by the former too."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from flask_cors import CORS

from gateway import arrival
from gateway.hints import Hints
from gateway.origin_patterns import origin_pattern
from gateway.policies.cors import CorsPolicy, CorsRule
from tests.gateway.conftest import ORIGIN, StartGateway

ME = "/api/v1/users/me"


def origin_fields(policy: CorsPolicy, origin: str | None) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in policy.fields(origin)}


def preflight(client: httpx.Client, origin: str, method: str, headers: str = "") -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(
        ME, headers={**asked, **({"Access-Control-Request-Headers": headers} if headers else {})}
    )


def test_a_preflight_of_an_allowed_origin_is_granted(client: httpx.Client) -> None:
    answer = preflight(client, ORIGIN, "PATCH", "authorization, content-type, x-evil")

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
    assert answer.headers["access-control-max-age"] == "600"
    assert {"Origin", "Access-Control-Request-Method"} <= set(answer.headers["vary"].split(", "))


def test_a_page_may_say_how_it_wants_its_tokens_and_which_device_it_is_on(client: httpx.Client) -> None:
    asked = preflight(client, ORIGIN, "POST", "token-delivery, x-device-token")
    answer = client.get(ME, headers={"Origin": ORIGIN})

    assert asked.headers["access-control-allow-headers"] == "token-delivery, x-device-token"
    assert "X-Device-Token" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("origin", "method"),
    [
        ("https://evil.example", "GET"),
        (f"{ORIGIN}.evil.example", "GET"),
        ("null", "GET"),
        ("https://appXexample.org", "GET"),
        ("http://app.example.org", "GET"),
    ],
)
def test_a_preflight_of_another_origin_gets_nothing(client: httpx.Client, origin: str, method: str) -> None:
    answer = preflight(client, origin, method)

    granted = [name for name in answer.headers if name.startswith("access-control-")]
    assert granted == []
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("method", ["TRACE", "E", "get", "CONNECT"])
def test_a_preflight_for_another_method_gets_nothing(client: httpx.Client, method: str) -> None:
    assert "access-control-allow-methods" not in preflight(client, ORIGIN, method).headers


def test_answers_and_errors_can_be_read_by_an_allowed_origin(
    client: httpx.Client, signed_in: dict[str, str]
) -> None:
    answers = [
        client.get(ME, headers={"Origin": ORIGIN, **signed_in}),
        client.get(ME, headers={"Origin": ORIGIN}),
        client.get("/nowhere", headers={"Origin": ORIGIN}),
        client.get("/a/../b%2f", headers={"Origin": ORIGIN}),
        client.post(ME, headers={"Origin": ORIGIN, **signed_in}, content=b"x" * 2_000_000),
    ]

    assert [answer.status_code for answer in answers] == [200, 401, 404, 400, 413]
    for answer in answers:
        assert answer.headers.get_list("access-control-allow-origin") == [ORIGIN]
        assert "RateLimit" in answer.headers["access-control-expose-headers"]
    page = "Accept, Accept-Language, Origin"  # what is a page for browsers
    assert [answer.headers["vary"] for answer in answers] == ["Origin", "Origin", page, page, "Origin"]


def test_an_answer_varies_by_origin_even_where_none_came(
    client: httpx.Client, signed_in: dict[str, str]
) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}):
        answer = client.get(ME, headers={**headers, **signed_in})
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in answer.headers


def test_a_service_that_is_away_is_an_error_that_the_page_can_read(
    start_gateway: StartGateway, signed_in: dict[str, str]
) -> None:
    gateway = start_gateway(USERS_URL="http://127.0.0.1:9")

    answer = httpx.get(gateway.url + ME, headers={"Origin": ORIGIN, **signed_in})

    assert answer.status_code == 503
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["proxy-status"] == "doorward; error=connection_refused"


def test_a_wildcard_is_a_wildcard_and_never_meets_credentials() -> None:
    policy = CorsPolicy(CorsRule(name="open", origins=("*",)))

    assert origin_fields(policy, "https://any.example")["access-control-allow-origin"] == "*"
    with pytest.raises(ValueError, match="never with allow_credentials"):
        CorsRule(name="open", origins=("*",), allow_credentials=True)


def test_subdomains_are_subdomains() -> None:
    policy = CorsPolicy(CorsRule(name="sub", origins=("https://*.example.org",)))

    assert "access-control-allow-origin" in origin_fields(policy, "https://a.b.example.org")
    for origin in ("https://example.org", "https://xexample.org", "https://a.example.org.evil", None):
        assert "access-control-allow-origin" not in origin_fields(policy, origin)


def test_no_origin_means_nobody() -> None:
    policy = CorsPolicy(CorsRule(name="none", origins=()))

    assert origin_fields(policy, "https://any.example") == {"vary": "Origin"}


RULES = [
    CorsRule(
        name="apps",
        origins=(ORIGIN, "https://*.example.net", "capacitor://localhost"),
        methods=("GET", "POST"),
        allow_headers=("Authorization", "X-Request-ID"),
        expose_headers=("ETag", "Retry-After"),
        allow_credentials=True,
        max_age_seconds=60,
    ),
    CorsRule(name="all", origins=("*",), allow_headers=("Content-Type",)),
    CorsRule(name="none"),
]
ORIGINS = [
    None,
    ORIGIN,
    "https://a.b.example.net",
    "https://example.net",
    "capacitor://localhost",
    "https://evil.example",
    f"{ORIGIN}.evil.example",
    f"https://evil.example/{ORIGIN}",
    "null",
]
PREFLIGHTS = [
    {},
    *({"Access-Control-Request-Method": method} for method in ("GET", "POST", "DELETE", "PURGE")),
    {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-request-id, authorization,x-evil, content-type",
    },
]


def flask_cors_under(rule: CorsRule) -> FlaskClient:
    """An app under Flask-CORS that is told the same."""
    app = Flask(__name__)
    CORS(
        app,
        origins="*" if "*" in rule.origins else [origin_pattern(origin) for origin in rule.origins],
        methods=list(rule.methods),
        allow_headers=[f"^{name}$" for name in rule.allow_headers],
        expose_headers=list(rule.expose_headers) or None,
        supports_credentials=rule.allow_credentials,
        max_age=rule.max_age_seconds,
        send_wildcard="*" in rule.origins,
        always_send=False,
    )
    app.add_url_rule("/", view_func=lambda: "")
    return app.test_client()


def granted(fields: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """What CORS says, lists without their order."""
    return {
        name.lower(): {one.strip().lower() for one in value.split(",")}
        for name, value in fields
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("origin", ORIGINS)
async def test_answers_are_those_of_flask_cors(rule: CorsRule, origin: str | None) -> None:
    policy, other = CorsPolicy(rule), flask_cors_under(rule)
    sent = {} if origin is None else {"Origin": origin}

    assert granted(origin_fields(policy, origin).items()) == granted(other.get("/", headers=sent).headers)
    for asked in PREFLIGHTS:
        answer = await preflight_by(policy, {**sent, **asked})
        theirs = granted(other.options("/", headers={**sent, **asked}).headers)
        if answer is None:
            assert origin is None or not asked
        elif "access-control-allow-methods" in theirs:
            assert granted(answer.headers) == theirs
        else:
            assert granted(answer.headers) == {}  # where Flask-CORS names the origin all the same


async def preflight_by(policy: CorsPolicy, fields: dict[str, str]) -> Response | None:
    """The answer of the policy to OPTIONS with these fields."""
    raw = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    scope = {"method": "OPTIONS", "headers": raw, "scheme": "http", "raw_path": b"/"}
    exchange = arrival.exchange_of(scope, cast("Any", None), trusted_proxies=0)
    exchange.match = cast("Any", object())
    exchange.resources = cast("Any", SimpleNamespace(hints=Hints(is_development=False)))
    return policy.check(exchange)
