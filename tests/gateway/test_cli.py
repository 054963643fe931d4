"""The commands that say what the gateway would do."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import explain, routes
from shared.chassis.testing.tokens import SECRET
from tests.gateway.tls_upstream import Authority


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "JWT_SECRET_KEY": SECRET,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PUBLIC_URL": "http://gateway.test",
        "GATEWAY_SESSION_SECRET_KEY": SECRET,
    }.items():
        monkeypatch.setenv(name, value)


def explained(*arguments: str) -> str:
    result = CliRunner().invoke(explain, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_routes_are_a_table() -> None:
    lines = CliRunner().invoke(routes).output.splitlines()

    assert lines[0].split()[:3] == ["ROUTE", "PREFIX", "METHODS"]
    assert any(line.startswith("users ") and "/api/v1/users/*" in line for line in lines)


def test_a_request_is_explained_without_being_made() -> None:
    text = explained("POST", "http://gateway.test/api/v1/auth/login?x=1", "-H", "X-User-Id: 1")

    for part in (
        "auth-sign-in",
        "public",
        "sign-in: 120 in 60 s by address",
        "asked of Redis",
        "8001",
        "x-user-id",
    ):
        assert part in text
    assert "never once it was sent" in text


@pytest.mark.parametrize(
    ("method", "url", "part"),
    [
        ("GET", "/api/v1/users/../auth", "400 unsafe_path"),
        ("GET", "http://evil.test/api/v1/users/me", "421 host_not_allowed"),
        ("GET", "/nowhere", "404"),
        ("POST", "/.well-known/jwks.json", "405 method_not_allowed: GET, HEAD"),
        ("GET", "/api/v1/users/me", "401 token_missing without a token"),
    ],
)
def test_a_refusal_is_explained(method: str, url: str, part: str) -> None:
    assert part in explained(method, url)


def test_everything_that_a_route_does_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ca_file = Authority(tmp_path).file
    (tmp_path / "routes.toml").write_text(f"""
standalone = true
[limits.all]
quota = 5
window_seconds = 60
by = "caller"
[limits.unmatched]
quota = 7
window_seconds = 60
[cors.apps]
origins = ["https://app.example.org"]
allow_credentials = true
[upstreams.shop]
urls = [{{ url = "https://one.example", weight = 3 }}, "https://two.example"]
most_outstanding = 9
ca_file = "{ca_file}"
[[routes]]
name = "shop"
prefix = "/shop"
rewrite_prefix = "/v2"
upstream = "shop"
access = {{ roles = ["admin"], scopes = ["shop:read"] }}
limits = ["all"]
cors = "apps"
""")
    monkeypatch.setenv("GATEWAY_ROUTES_FILE", str(tmp_path / "routes.toml"))

    text = explained("GET", "/shop/a?b=1", "-H", "Origin: https://app.example.org", "-H", "X-API-Key: dwk_x")
    foreign = explained("GET", "/shop/a", "-H", "Origin: https://evil.example")
    unmatched = explained("GET", "/nowhere")
    row = CliRunner().invoke(routes).output.splitlines()[1]

    for part in (
        "signed in, role admin, scope shop:read; an API key is there",
        "all: 5 in 60 s by caller; all is leased up to 2% in advance",
        "https://app.example.org may read the answer, with credentials",
        "shop: https://one.example (weight 3), https://two.example; at most 9 at once from each worker; "
        f"certificates by {ca_file}",
        "/v2/a?b=1",
    ):
        assert part in text
    assert "https://evil.example may not read the answer" in foreign
    assert "unmatched: 7 in 60 s by address" in unmatched
    assert row.split()[:5] == ["shop", "/shop/*", "any", "shop", "/v2/*"]
    assert "all: 5 in 60 s by caller  signed in, role admin, scope shop:read  at most" in row


def test_the_parts_of_a_route_are_explained() -> None:
    assert "sessions: auth /api/v1/auth/sessions" in explained("GET", "/api/v1/overview")


def test_an_upgrade_is_explained() -> None:
    assert "501 upgrade_not_supported" in explained("GET", "/api/v1/users/me", "-H", "Upgrade: websocket")


def test_a_websocket_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text("""
[cors.apps]
origins = ["https://app.example.org"]
[upstreams.chat]
urls = "http://chat:8000"
[[routes]]
name = "chat"
prefix = "/chat"
upstream = "chat"
cors = "apps"
websocket = { max_message_bytes = 2000, idle_seconds = 60 }
""")
    monkeypatch.setenv("GATEWAY_ROUTES_FILE", str(tmp_path / "routes.toml"))

    text = explained("GET", "/chat/room", "-H", "Upgrade: websocket")
    rows = [line for line in CliRunner().invoke(routes).output.splitlines() if line.startswith("chat ")]

    assert "messages of at most 2,000 bytes, closed after 60 s without any" in text
    assert "messages of at most 2,000 bytes" in rows[0]
    assert "websocket" not in explained("GET", "/api/v1/users/me")


def test_a_preflight_is_explained() -> None:
    text = explained(
        "OPTIONS", "/api/v1/users/me", "-H", "Origin: a", "-H", "Access-Control-Request-Method: GET"
    )

    assert "neither counted" in text


def test_a_file_with_mistakes_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("GATEWAY_ROUTES_FILE", f"{tmp_path}/none.toml")

    result = CliRunner().invoke(routes)

    assert result.exit_code == 1
    assert "none.toml" in result.output
    assert "bad" not in CliRunner().invoke(explain, ["GET", "/", "-H", "bad"]).output.split()[0]
