"""Hooks of the schemathesis run: each request from its own address, most of them signed in.

Loaded by the `schemathesis` command; ``DOORWARD_FUZZ_EMAIL`` names the account that signs in.
"""

import os
import random
import threading
from typing import Any

import httpx
import schemathesis

from tests.system import journey

ENDS_THE_SESSION = ("/auth/logout", "/auth/sessions")


class SignIn:
    """The access token of this run, taken anew when a call has ended its session."""

    def __init__(self, gateway_url: str, email: str) -> None:
        self._client = journey.open_client(gateway_url)
        self._email = email
        self._lock = threading.Lock()
        self._token = ""

    def token(self) -> str:
        """A token that is good now."""
        with self._lock:
            if not self._token:
                body = {"email": self._email, "password": journey.PASSWORD}
                answer = self._client.post("/api/v1/auth/login", json=body)
                self._token = journey.expect(answer, 200)["access_token"]
            return self._token

    def forget(self) -> None:
        """The next call signs in again."""
        with self._lock:
            self._token = ""


sign_in = SignIn(os.environ["DOORWARD_FUZZ_GATEWAY"], os.environ["DOORWARD_FUZZ_EMAIL"])


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Half of the calls are signed in; what a case says of Authorization itself stands."""
    headers = case.headers
    headers["X-Forwarded-For"] = ".".join(str(random.randint(1, 254)) for _ in range(4))  # noqa: S311
    if "Authorization" not in headers and random.random() < 0.8:  # noqa: S311
        headers["Authorization"] = f"Bearer {sign_in.token()}"


@schemathesis.hook
def after_call(context: Any, case: Any, response: httpx.Response) -> None:
    """Where the call may have ended the session, the next one needs another."""
    if any(part in case.path for part in ENDS_THE_SESSION) or response.status_code == 401:
        sign_in.forget()
