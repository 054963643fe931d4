"""What the gateway answers itself: health, metrics, the merged document, its page, security.txt."""

import asyncio
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from openapi_spec_validator import validate

from gateway import route_file
from gateway.openapi import merge
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.engines import wait_until
from tests.gateway.conftest import ORIGIN, Gateway, StartGateway, pulse
from tests.gateway.echo import OK, Received, Upstream
from tests.gateway.test_route_file import VARIABLES

PROBLEM = {"type": "object", "properties": {"code": {"type": "string"}}}


def document_of(paths: dict[str, object], schemas: dict[str, object]) -> dict[str, object]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "v1"},
        "paths": paths,
        "components": {"schemas": {"Problem": PROBLEM, **schemas}},
    }


def operation(schema: str) -> dict[str, object]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {
        "get": {
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": reference}}}
            }
        }
    }


def test_documents_are_merged_without_mixing_up_names() -> None:
    table = route_file.load(route_file.DEFAULT_FILE, VARIABLES)
    inner = {"type": "object", "properties": {"page": {"$ref": "#/components/schemas/Page"}}}
    parts = {
        "auth": document_of({"/api/v1/auth/sessions": operation("Page")}, {"Page": {"type": "string"}}),
        "users": document_of(
            {"/api/v1/users": operation("List"), "/internal/x": operation("Page")},
            {"Page": {"type": "integer"}, "List": inner},
        ),
    }

    merged = merge(parts, table, url="http://gateway.test/", version="1", title="Shop")

    validate(merged)
    schemas = merged["components"]["schemas"]
    assert merged["info"]["title"] == "Shop"
    assert set(merged["paths"]) == {"/api/v1/auth/sessions", "/api/v1/users", "/api/v1/overview"}
    assert schemas["Page"] == {"type": "string"}
    assert schemas["users.Page"] == {"type": "integer"}
    assert schemas["List"]["properties"]["page"] == {"$ref": "#/components/schemas/users.Page"}
    assert merged["paths"]["/api/v1/users"]["get"]["x-doorward-route"]["policies"]["access"] == "signed in"
    responses = merged["paths"]["/api/v1/users"]["get"]["responses"]
    assert responses["429"]["x-doorward-codes"] == ["rate_limited"]
    assert set(responses["429"]["headers"]) == {"RateLimit-Policy", "RateLimit", "Retry-After"}
    assert "token_missing" in responses["401"]["x-doorward-codes"]
    assert responses["503"]["headers"].keys() == {"Retry-After"}


def test_the_document_is_served_to_any_page_and_says_what_is_missing(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    document = orjson.dumps(document_of({"/api/v1/users": operation("Problem")}, {}))

    async def answer(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"content-length: %d\r\n\r\n%b" % (len(document), document))

    upstream.handlers["/openapi.json"] = answer
    gateway = start_gateway(NOTIFICATIONS_URL="http://127.0.0.1:9")

    response = httpx.get(f"{gateway.url}/openapi.json", headers={"Origin": ORIGIN})

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.json()["x-doorward-missing"] == ["notifications"]
    assert list(response.json()["paths"]) == ["/api/v1/users", "/api/v1/overview"]


def test_readiness_says_what_is_down(start_gateway: StartGateway) -> None:
    gateway = start_gateway(NOTIFICATIONS_URL="http://127.0.0.1:9")

    ready = httpx.get(f"{gateway.url}/readyz")

    assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
    assert ready.json()["checks"] == {
        "accepting": "pass",
        "rate_limits": "pass",
        "revocations": "pass",
        "tokens": "pass",
        "auth": "pass",
        "users": "pass",
        "notifications": "fail",
    }
    assert httpx.get(f"{gateway.url}/livez").status_code == 200


def checks(gateway: Gateway) -> dict[str, str]:
    found: dict[str, str] = httpx.get(f"{gateway.url}/readyz").json()["checks"]
    return found


def test_readiness_knows_whether_tokens_can_be_verified(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    async def away(_: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Away\r\ncontent-length: 0\r\n\r\n")

    async def keys(_: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b'content-length: 11\r\n\r\n{"keys":[]}')

    upstream.handlers["/.well-known/jwks.json"] = away
    gateway = start_gateway(JWT_ALGORITHMS="EdDSA,HS256")

    assert checks(gateway)["tokens"] == "fail"
    upstream.handlers["/.well-known/jwks.json"] = keys
    wait_until(lambda: checks(gateway)["tokens"] == "pass", what="keys that were read")


@pytest.mark.parametrize(("leave", "come_back"), [("stop", "start"), ("pause", "unpause")])
def test_readiness_knows_whether_revocations_are_heard(
    start_gateway: StartGateway, private_redis: PrivateRedis, leave: str, come_back: str
) -> None:
    with pulse(private_redis.url()):
        gateway = start_gateway(REDIS_URL=private_redis.url())

        assert checks(gateway)["revocations"] == "pass"
        getattr(private_redis, leave)()
        wait_until(lambda: checks(gateway)["revocations"] == "fail", what="a gateway that says it is deaf")
        wait_until(lambda: "revocations_not_heard" in gateway.lines(), what="a line that says so")
        getattr(private_redis, come_back)()
        wait_until(lambda: checks(gateway)["revocations"] == "pass", what="a gateway that hears again")


def test_a_healthy_gateway_is_ready(client: httpx.Client) -> None:
    assert client.get("/readyz").json()["status"] == client.get("/healthz").json()["status"] == "pass"


def test_metrics_are_on_the_internal_port_alone(
    gateway: Gateway, client: httpx.Client, signed_in: dict[str, str]
) -> None:
    client.get("/api/v1/users/me", headers=signed_in)
    client.get("/api/v1/users/0123456789abcdef", headers=signed_in)

    text = httpx.get(gateway.metrics_url).text

    assert client.get("/metrics").status_code == 404
    assert httpx.get(gateway.metrics_url.replace("/metrics", "/docs/")).status_code == 404
    assert 'doorward_http_requests_total{method="GET",process="gateway",route="users",status="200"}' in text
    assert 'doorward_gateway_upstream_seconds_count{upstream="users"}' in text
    assert 'doorward_gateway_replicas_healthy{upstream="auth"} 1.0' in text
    assert "0123456789abcdef" not in text


def test_each_request_has_one_line_without_its_secrets(
    gateway: Gateway, client: httpx.Client, signed_in: dict[str, str]
) -> None:
    request_id = client.get("/api/v1/users/me?code=a-code-98", headers=signed_in).headers["x-request-id"]
    secret = "abcdefghijklmnopqrstuvwxyz0123456789"
    client.post(f"/api/v1/users/invitations/{secret}/decline")
    client.get("/livez")
    wait_until(lambda: request_id in gateway.lines(), what="the line")
    lines = [orjson.loads(line) for line in gateway.lines().splitlines() if line.startswith("{")]

    (line,) = [line for line in lines if line.get("request_id") == request_id and line["event"] == "request"]
    assert line["path"] == "/api/v1/users/me"
    assert (line["route"], line["status"], line["upstream"]) == ("users", 200, "users")
    assert 0 < line["upstream_ms"] <= line["duration_ms"]
    assert 0 < line["overhead_ms"] <= line["duration_ms"]
    assert secret not in gateway.lines()
    assert "a-code-98" not in gateway.lines()
    assert signed_in["Authorization"] not in gateway.lines()


def test_the_documentation_page_loads_only_what_is_ours(client: httpx.Client) -> None:
    page = client.get("/docs", follow_redirects=True)

    policy = page.headers["content-security-policy"]
    assert page.status_code == 200
    assert "'unsafe-eval'" not in policy
    assert "script-src 'self' 'sha256-" in policy
    for address in ("/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"):
        assert address in page.text
        assert client.get(address).status_code == 200
    assert not [part for part in page.text.split('"') if urlsplit(part).netloc and "127.0.0.1" not in part]


def test_security_txt_names_a_contact_and_an_end(client: httpx.Client) -> None:
    text = client.get("/.well-known/security.txt").text

    assert text.startswith("Contact: mailto:security@gateway.test\nExpires: 20")


@pytest.mark.parametrize(
    "path", ["/livez", "/docs/", "/openapi.json", "/.well-known/security.txt", "/console/sign-in"]
)
def test_pages_answer_head_requests_without_a_body(client: httpx.Client, path: str) -> None:
    response = client.head(path)

    assert response.status_code == 200
    assert response.content == b""


def test_the_root_leads_to_the_page_of_the_api(client: httpx.Client) -> None:
    response = client.get("/")

    assert (response.status_code, response.headers["Location"]) == (302, "/docs/")


def test_no_page_cuts_what_is_pasted(client: httpx.Client) -> None:
    pages = [client.get(path).text for path in ("/reset-password", "/change-email", "/console/sign-in")]

    assert not any("maxlength" in page for page in pages)
