"""Which header fields pass, and what a route may change of it."""

import asyncio
from uuid import UUID

import httpx
import pytest
from pydantic import ValidationError

from gateway import headers
from gateway.policies.header_fields import HeaderRules, claim_fields
from shared.chassis.testing.tokens import access_token, bearer
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import Received, Upstream

# ruff: noqa: E501

ROUTES = """
[upstreams.u]
urls = ["${USERS_URL}"]
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
access = "public"
request = { allow = ["X-Real-IP"], set = { X-Service = "shop", X-Tenant-ID = "one" }, remove = ["X-Debug", "Authorization"] }
response = { allow = ["X-Powered-By"], set = { Strict-Transport-Security = "max-age=1" }, remove = ["X-Internal-Node"] }
claims = { X-User-Id = "sub", X-User-Roles = "roles", X-Absent = "nothing" }
"""
HARMLESS = (
    "x-tenant-id x-client-version x-client-name x-user-agent x-session-id x-auth-token x-amzn-trace-id cf-ray "
    "x-csrf-token x-requested-with x-goog-api-client x-ms-version x-token x-grpc-web x-api-version"
)
FORGING = (
    "x-user-id x-user x-userid x-user-email x-account-id x-roles x-role x-scope x-auth-request-user x-auth-user x-client-ip "
    "x-authenticated-user x-remote-user remote-user x-ms-client-principal-id x-goog-iap-jwt-assertion x-amzn-oidc-data "
    "x-consumer-username x-forwarded-for x-forwarded-user x-real-ip true-client-ip cf-connecting-ip cf-access-jwt-assertion "
    "x-original-url x-rewrite-url x-host x-accel-mapping x-sendfile-type ssl-client-cert x-ssl-client-dn x-client-cert "
    "x-envoy-original-path oidc-claim-sub sm-user x-jwt-claims x-internal-token x-doorward-caller x-azure-clientip"
)


@pytest.mark.parametrize("name", HARMLESS.split())
def test_what_says_nothing_of_an_identity_passes(name: str) -> None:
    assert headers.left_out([(name.encode(), b"x")]) == []


@pytest.mark.parametrize("name", FORGING.split())
def test_what_could_forge_an_identity_does_not(name: str) -> None:
    assert headers.left_out([(name.encode(), b"x")]) == [name]


@pytest.fixture
def gateway(start_gateway: StartGateway, upstream: Upstream) -> Gateway:
    async def answer(request: Received, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        added = b"x-powered-by: us\r\nx-internal-node: 7\r\nstrict-transport-security: max-age=9\r\n"
        writer.write(request.answer().replace(b"\r\n", b"\r\n" + added, 1))

    upstream.handlers["/x"] = answer
    return start_gateway(routes=ROUTES, LOG_LEVEL="DEBUG")


def test_a_route_says_which_fields_its_service_sees(
    gateway: Gateway, upstream: Upstream, account_id: UUID
) -> None:
    token = access_token(account_id, roles=("editor", "admin"))
    sent = {
        "X-Debug": "1",
        "X-Real-IP": "192.0.2.7",
        "X-Tenant-ID": "two",
        "X-User-Id": "root",
        "X-Absent": "root",
    }

    httpx.get(f"{gateway.url}/x", headers={**sent, **bearer(token)})

    (request,) = upstream.requests
    assert request.values("x-debug") == request.values("authorization") == request.values("x-absent") == []
    assert request.values("x-real-ip") == ["192.0.2.7"]
    assert (request.values("x-service"), request.values("x-tenant-id")) == (["shop"], ["one"])
    assert request.values("x-user-id") == [str(account_id)]
    assert request.values("x-user-roles") == ["editor,admin"]
    assert '"names":["x-debug","x-tenant-id","x-user-id","x-absent","authorization"]' in gateway.lines()


def test_nobody_can_claim_without_a_token(gateway: Gateway, upstream: Upstream) -> None:
    httpx.get(f"{gateway.url}/x", headers={"X-User-Id": "root", "X-User-Roles": "admin"})

    (request,) = upstream.requests
    assert request.values("x-user-id") == request.values("x-user-roles") == []


def test_a_route_says_which_fields_its_clients_see(gateway: Gateway) -> None:
    answer = httpx.get(f"{gateway.url}/x")
    refused = httpx.post(f"{gateway.url}/x", content=b"x" * 1_048_577)

    assert answer.headers["x-powered-by"] == "us"
    assert "x-internal-node" not in answer.headers
    assert answer.headers.get_list("strict-transport-security") == ["max-age=1"]
    assert (refused.status_code, refused.headers["strict-transport-security"]) == (413, "max-age=1")


@pytest.mark.parametrize(
    "rules",
    [
        {"set": {"Host": "x"}},
        {"set": {"Authorization": "Bearer x"}},
        {"allow": ["Connection"]},
        {"allow": ["X-Forwarded-For"]},
        {"remove": ["Content-Length"]},
        {"set": {"X-A": "a\r\nX-B: b"}},
        {"set": {"X A": "b"}},
        {"set": {"X-A": " a"}},
    ],
)
def test_a_rule_that_would_touch_framing_or_the_gateways_own_is_a_mistake(rules: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HeaderRules(**rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("claim", "value"),
    [("a", b"a"), (7, b"7"), (True, b"true"), (["a", "b"], b"a,b"), ("\u00fc", "\u00fc".encode())],
)
def test_claims_are_written_as_text(claim: object, value: bytes) -> None:
    assert claim_fields({"x-a": "c"}, {"c": claim}) == [(b"x-a", value)]


@pytest.mark.parametrize("claim", [None, {}, "a\r\nx-b: b", "", " a"])
def test_a_claim_that_is_no_field_value_is_left_out(claim: object) -> None:
    assert claim_fields({"x-a": "c"}, {"c": claim}) == []
