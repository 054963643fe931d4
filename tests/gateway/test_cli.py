"""The commands that say what the gateway would do."""

import pytest
from click.testing import CliRunner

from gateway.cli import explain, routes
from shared.chassis.testing.tokens import SECRET


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
