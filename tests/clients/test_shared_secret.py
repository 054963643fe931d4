"""A team's own service that verifies tokens with the shared secret, as the page has it."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import SECRET, access_token
from shared.contracts import tokens
from tests.clients.page import Page
from tests.system.backend import ROOT


@pytest.fixture
def caller_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """The page's function."""
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET)
    monkeypatch.setenv("ACCOUNTS_ISSUER", tokens.ISSUER)
    module: dict[str, Any] = {}
    exec(Page(ROOT / "docs/adding-a-service.md").files["flask/shared_secret.py"], module)  # noqa: S102
    function: Callable[[str], dict[str, Any]] = module["caller_of"]
    return function


def test_token_of_auth_tells_its_caller(caller_of: Callable[[str], dict[str, Any]]) -> None:
    account = new_id()

    claims = caller_of(access_token(account, roles=("clerk",)))

    assert (claims["sub"], claims["roles"]) == (str(account), ["clerk"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another-secret-that-is-long-enough-0123456789"},
        {"header": {"typ": "JWT"}},
        {"header": {"alg": "none"}},
        {"claims": {"exp": 1}},
        {"claims": {"aud": "internal"}},
        {"claims": {"iss": "https://elsewhere.example"}},
        {"claims": {"sub": None}},
    ],
)
def test_any_other_token_is_refused(
    caller_of: Callable[[str], dict[str, Any]], wrong: dict[str, Any]
) -> None:
    with pytest.raises(jwt.PyJWTError):
        caller_of(access_token(new_id(), **wrong))
