"""Accounts for tests, made through the public API as a client makes them."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from doorward_testkit import api
from doorward_testkit.backend import Backend
from doorward_testkit.mailbox import Mailbox

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Account:
    """Somebody with an account. Without tokens where the address is not verified."""

    email: str
    password: str
    id: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What a request of theirs carries."""
        if self.access_token is None:
            raise ValueError(f"{self.email} is not verified, so there is no token to send")
        return {"Authorization": f"Bearer {self.access_token}"}


class Accounts:
    """Makes accounts in one running system."""

    def __init__(self, backend: Backend, mailbox: Mailbox) -> None:
        self._backend = backend
        self._auth = f"{backend.gateway_url}/api/v1/auth"
        self._mailbox = mailbox
        self._admin: Account | None = None

    def make(self, *, roles: Iterable[str] = (), verified: bool = True, name: str | None = None) -> Account:
        """A new account under an address of its own; with roles, its tokens carry them."""
        email = f"{secrets.token_hex(6)}@example.org"
        body = {"email": email, "password": PASSWORD, **({"name": name} if name else {})}
        api.expect(202, "POST", f"{self._auth}/register", body=body)
        if not verified:
            return Account(email, PASSWORD)
        code = self._mailbox.code_for(email)
        pair = api.expect(200, "POST", f"{self._auth}/verify-email", body={"email": email, "code": code})
        account = self._account(email, pair)
        wanted = sorted(roles)
        return self._with_roles(account, wanted) if wanted else account

    def admin(self) -> Account:
        """The administrator, made at the first call."""
        if self._admin is None:
            email = "admin@example.org"
            self._backend.create_admin(email=email, password=PASSWORD)
            self._admin = self._signed_in(email)
        return self._admin

    def _with_roles(self, account: Account, roles: list[str]) -> Account:
        url = f"{self._auth}/accounts/{account.id}"
        # An administrator's acts want a recent sign-in.
        admin = self._signed_in(self.admin().email)
        api.expect(200, "PATCH", url, body={"roles": roles}, token=admin.access_token)
        return self._signed_in(account.email)

    def _signed_in(self, email: str) -> Account:
        pair = api.expect(200, "POST", f"{self._auth}/login", body={"email": email, "password": PASSWORD})
        return self._account(email, pair)

    def _account(self, email: str, pair: dict[str, Any]) -> Account:
        token = pair["access_token"]
        profile = api.expect(200, "GET", f"{self._backend.gateway_url}/api/v1/users/me", token=token)
        return Account(email, PASSWORD, profile["id"], token, pair["refresh_token"])
