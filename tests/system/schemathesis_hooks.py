"""Hooks of the schemathesis run: each request from its own address, most of them signed in.

Loaded by the `schemathesis` command; ``DOORWARD_FUZZ_EMAIL`` names the account that signs in.
"""

import os
import secrets
import threading
from typing import Any

import schemathesis

import gateway.errors
import gateway.targets  # noqa: F401  (declares more of the gateway's errors)
from shared.chassis.errors import FRAMEWORK_CODES, all_errors
from tests.system import journey

# What tells that our own token is dead: the call, or one before it, ended the session.
TOKEN_IS_DEAD = {"token_invalid", "token_expired", "token_revoked", "session_revoked"}

# What any request may be refused with: by the framework, or by the gateway for its form.
ANYWHERE = {code for code, _ in FRAMEWORK_CODES.values()} | {
    kind.code for kind in all_errors() if kind.__module__.startswith("gateway.")
}


class SignIn:
    """The access token of this run, taken anew when a call has ended its session."""

    def __init__(self, gateway_url: str, email: str) -> None:
        self._gateway_url = gateway_url
        self._email = email
        self._lock = threading.Lock()
        self._token = ""

    def token(self) -> str:
        """A token that is good now."""
        with self._lock:
            if not self._token:
                body = {"email": self._email, "password": journey.PASSWORD}
                with journey.open_client(self._gateway_url) as client:
                    answer = client.post("/api/v1/auth/login", json=body)
                self._token = journey.expect(answer, 200)["access_token"]
            return self._token

    def forget(self) -> None:
        """The next call signs in again."""
        with self._lock:
            self._token = ""


sign_in = SignIn(os.environ["DOORWARD_FUZZ_GATEWAY"], os.environ["DOORWARD_FUZZ_EMAIL"])


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Most of the calls are signed in; what a case says of Authorization itself stands."""
    headers = case.headers
    headers["X-Forwarded-For"] = journey.new_client_address()
    if "Token-Delivery" in headers:
        headers["Origin"] = os.environ["DOORWARD_FUZZ_GATEWAY"]  # as a page of the gateway's own origin
    if "Authorization" not in headers and secrets.randbelow(5):
        headers["Authorization"] = f"Bearer {sign_in.token()}"


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Where our token has died, the next call needs another."""
    if response.status_code == 401 and any(code in response.text for code in TOKEN_IS_DEAD):
        sign_in.forget()


@schemathesis.check
def documented_code(context: Any, response: Any, case: Any) -> None:
    """A service refuses with codes that its operation documents; what any request may meet is left out."""
    answered = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    codes = answered.get("x-doorward-codes")
    is_the_operation = case.method.upper() == case.operation.method.upper()
    if codes is not None and response.status_code < 500 and is_the_operation:
        assert response.json()["code"] in {*codes, *ANYWHERE}, f"{response.json()['code']} is not documented"
