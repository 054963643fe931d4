"""The console's calls to auth: an operator signs in with the same account and rules as anybody."""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from shared.chassis import errors, tracing

TIMEOUT = httpx.Timeout(10.0, connect=2.0)


class SignInRefused(Exception):
    """auth said no; ``code`` is its reason, ``retry_after`` when to come back."""

    def __init__(self, code: str, detail: str, *, mfa_token: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.mfa_token = mfa_token


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What auth gives for a sign-in."""

    access_token: str
    refresh_token: str


class Auth(Protocol):
    """What the console needs of auth."""

    def sign_in(self, email: str, password: str, *, address: str) -> TokenPair:
        """The tokens for a right password; raises SignInRefused or Unavailable."""
        ...

    def verify_code(self, mfa_token: str, code: str, *, address: str) -> TokenPair:
        """The tokens for a right second factor; raises SignInRefused or Unavailable."""
        ...

    def refresh(self, refresh_token: str) -> TokenPair:
        """The next tokens; raises SignInRefused once the session has ended, or Unavailable."""
        ...

    def sign_out(self, access_token: str) -> None:
        """End the session at auth; does its best."""
        ...


class AuthClient:
    """auth over HTTP, called from the console's threads."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1/auth", timeout=TIMEOUT, trust_env=False
        )

    def sign_in(self, email: str, password: str, *, address: str) -> TokenPair:
        """See ``Auth``."""
        return self._tokens("/login", {"email": email, "password": password}, address)

    def verify_code(self, mfa_token: str, code: str, *, address: str) -> TokenPair:
        """See ``Auth``."""
        return self._tokens("/mfa/verify", {"mfa_token": mfa_token, "code": code}, address)

    def refresh(self, refresh_token: str) -> TokenPair:
        """See ``Auth``."""
        return self._tokens("/refresh", {"refresh_token": refresh_token}, None)

    def sign_out(self, access_token: str) -> None:
        """See ``Auth``."""
        try:
            self._client.post("/logout", headers={"Authorization": f"Bearer {access_token}"})
        except httpx.HTTPError:
            return  # the record here is gone, and the tokens run out by themselves

    def _tokens(self, path: str, body: dict[str, str], address: str | None) -> TokenPair:
        trace = tracing.current()
        headers = {**(trace.headers() if trace else {}), **({"X-Forwarded-For": address} if address else {})}
        try:
            answer = self._client.post(path, json=body, headers=headers)
            content: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise errors.Unavailable from error
        if answer.status_code == 200:
            return TokenPair(str(content["access_token"]), str(content["refresh_token"]))
        if answer.status_code >= 500:
            raise errors.Unavailable
        code, detail = str(content.get("code")), str(content.get("detail", "Not possible."))
        raise SignInRefused(code, detail, mfa_token=content.get("mfa_token"))
