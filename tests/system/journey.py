"""What a newcomer does, as one function over a gateway's URL and a mailbox's: the README's journey.

It runs against whatever is behind the two: `doorward up`, Compose, processes that a test started.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.chassis.testing.engines import wait_until

PASSWORD = "correct horse battery staple 17"
CODE = re.compile(r"^\s*(\d{6})\s*$", re.MULTILINE)  # a token may hold six digits too
MAIL_SECONDS = 30.0


class PatientTransport(httpx.HTTPTransport):
    """Does what an answer 503 asks for: waits as long as Retry-After says and asks again, for so long."""

    def __init__(self, patience_seconds: float) -> None:
        # No connection is kept: a gateway may be restarted between two requests.
        super().__init__(limits=httpx.Limits(max_keepalive_connections=0))
        self._patience_seconds = patience_seconds

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first answer that is not 503, or the last there was time for."""
        deadline = time.monotonic() + self._patience_seconds
        while True:
            response = super().handle_request(request)
            if response.status_code != 503 or time.monotonic() > deadline:
                return response
            response.close()
            time.sleep(float(response.headers["Retry-After"]))


def new_address() -> str:
    """An e-mail address that nobody has used."""
    return f"ada.{secrets.token_hex(6)}@example.com"


def new_client_address() -> str:
    """An IPv4 address that nobody has called from; never seeded, as hypothesis seeds `random`."""
    return ".".join(["10", *(str(1 + secrets.randbelow(254)) for _ in range(3))])


def open_client(gateway_url: str, *, patience_seconds: float = 0) -> httpx.Client:
    """A client with an address of its own, if the gateway trusts one proxy (else the header is ignored)."""
    headers = {"X-Forwarded-For": new_client_address()}
    transport = PatientTransport(patience_seconds)
    return httpx.Client(base_url=gateway_url, headers=headers, transport=transport, timeout=30)


def expect(response: httpx.Response, status: int) -> Any:
    """The body of an answer that has to have ``status``."""
    assert response.status_code == status, f"{response.request.url}: {response.status_code} {response.text}"
    return response.json() if response.content else None


def register(client: httpx.Client, email: str, password: str = PASSWORD) -> None:
    """Register, and be told that a mail is on its way."""
    body = {"email": email, "password": password, "name": "Ada Lovelace"}
    answer = expect(client.post("/api/v1/auth/register", json=body), 202)
    assert answer == {"status": "verification_sent"}


def mails_to(mailbox_url: str, email: str) -> list[dict[str, Any]]:
    """The mails that the mailbox has for ``email``, the newest first."""
    query: dict[str, str | int] = {"to": email, "limit": 100}
    answer = httpx.get(f"{mailbox_url}/api/messages", params=query, timeout=10, trust_env=False)
    found: list[dict[str, Any]] = expect(answer, 200)
    return found


def wait_for_mail(mailbox_url: str, email: str, *, seconds: float = MAIL_SECONDS) -> dict[str, Any]:
    """The newest mail to ``email``, as soon as there is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            mails = mails_to(mailbox_url, email)
        except httpx.TransportError:  # the mailbox itself is being restarted
            mails = []
        if mails:
            return mails[0]
        time.sleep(0.1)
    raise AssertionError(f"no mail to {email} within {seconds:g} seconds")


def has_code(mail: dict[str, Any]) -> bool:
    """Whether the mail is one that asks for its code, and no notice."""
    return CODE.search(mail["text"]) is not None


def code_in(mail: dict[str, Any]) -> str:
    """The six digits that stand alone in the mail's text."""
    codes = CODE.findall(mail["text"])
    assert len(set(codes)) == 1, mail["text"]
    return str(codes[0])


def bearer(token: str) -> dict[str, str]:
    """The header that carries ``token``."""
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Journey:
    """One account's way from registration to sign-out; each step asserts what it was promised."""

    gateway_url: str
    mailbox_url: str
    email: str = field(default_factory=new_address)
    patience_seconds: float = 0
    pair: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = open_client(self.gateway_url, patience_seconds=self.patience_seconds)

    def walk(self, between: Callable[[str], None] = lambda _step: None) -> None:
        """Every step in order; ``between`` is told each one that is done, and may do harm."""
        for step in (
            self.register,
            self.verify,
            self.sign_in,
            self.read_profile,
            self.change_profile,
            self.refresh,
            self.sign_out,
        ):
            step()
            between(step.__name__)

    def register(self) -> None:
        """Sign up."""
        register(self.client, self.email)

    def verify(self) -> None:
        """Read the mail and hand in its code."""
        mail = wait_for_mail(self.mailbox_url, self.email)
        body = {"email": self.email, "code": code_in(mail)}
        self.pair = expect(self.client.post("/api/v1/auth/verify-email", json=body), 200)
        assert self.pair["token_type"] == "Bearer"

    def sign_in(self) -> None:
        """Sign in with the password."""
        body = {"email": self.email, "password": PASSWORD}
        self.pair = expect(self.client.post("/api/v1/auth/login", json=body), 200)

    def read_profile(self) -> None:
        """Read the own profile, which another service made of auth's message."""
        profile = expect(self._get_profile(), 200)
        assert profile["email"] == self.email
        assert profile["name"] == "Ada Lovelace"

    def change_profile(self) -> None:
        """Change the profile, and read the change."""
        headers = bearer(self.pair["access_token"])
        patch = {"name": "Ada King", "timezone": "Europe/London"}
        changed = expect(self.client.patch("/api/v1/users/me", json=patch, headers=headers), 200)
        assert changed["name"] == "Ada King"
        # At once where Redis answers the writer in time, else within a second (docs/users.md). Nobody knows
        # which here: containers are restarted, machines busy. tests/users/cache_model.py tells the two apart.
        wait_until(self._is_moved, what="the changed time zone")

    def _is_moved(self) -> bool:
        return bool(expect(self._get_profile(), 200)["timezone"] == "Europe/London")

    def refresh(self) -> None:
        """Trade the refresh token for a new pair."""
        headers = bearer(self.pair["refresh_token"])
        pair = expect(self.client.post("/api/v1/auth/refresh", headers=headers), 200)
        assert pair["refresh_token"] != self.pair["refresh_token"]
        self.pair = pair

    def sign_out(self) -> None:
        """Sign out: the session's tokens are dead at the gateway within a second, if nothing is down."""
        expect(self.client.post("/api/v1/auth/logout", headers=bearer(self.pair["access_token"])), 204)
        deadline = time.monotonic() + max(1.0, self.patience_seconds)
        while self._get_profile().status_code != 401:
            assert time.monotonic() < deadline, "the access token outlived its session"
            time.sleep(0.05)
        headers = bearer(self.pair["refresh_token"])
        expect(self.client.post("/api/v1/auth/refresh", headers=headers), 401)

    def _get_profile(self) -> httpx.Response:
        headers = bearer(self.pair["access_token"])
        return self.client.get("/api/v1/users/me", headers=headers)


def wait_until_ready(gateway_url: str, *, seconds: float = 110.0) -> None:
    """Return when the gateway says that everything behind it is up."""
    deadline = time.monotonic() + seconds
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{gateway_url}/readyz", timeout=5, trust_env=False)
        except httpx.TransportError as error:
            last = repr(error)
        else:
            if answer.status_code == 200:
                return
            last = answer.text
        time.sleep(0.2)
    raise AssertionError(f"not ready within {seconds:g} seconds: {last}")


def whole_document(gateway_url: str) -> dict[str, Any]:
    """The OpenAPI document, as soon as no service is missing in it."""
    found: list[dict[str, Any]] = []

    def is_whole() -> bool:
        found.append(httpx.get(f"{gateway_url}/openapi.json", timeout=30, trust_env=False).json())
        return "openapi" in found[-1] and "x-doorward-missing" not in found[-1]

    wait_until(is_whole, what="what every service says of itself")
    return found[-1]
