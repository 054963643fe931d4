"""Passkeys and authenticator codes in a real Chromium, through the gateway, the session in cookies.

The authenticator is Chromium's own virtual one; the codes are made by a generator as phones have them.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pyotp
import pytest
from playwright.sync_api import BrowserContext, CDPSession, Error, Page

from shared.chassis.clock import utcnow
from shared.chassis.testing.engines import wait_until
from tests.browsers import call, open_browser, serving_page
from tests.system import journey
from tests.system.kit import Kit

pytestmark = [
    pytest.mark.system,
    pytest.mark.browser,
    pytest.mark.timeout(300),
]

BY_COOKIE = {"Token-Delivery": "cookie"}
CREATE = """(options) => navigator.credentials
  .create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
  .then((credential) => credential.toJSON())"""
GET = """(options) => navigator.credentials
  .get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
  .then((credential) => credential.toJSON())"""
INTERNAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Authenticators:
    """The virtual authenticators of one page."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        self.id = self.add()

    def add(self) -> str:
        """Plug another one in."""
        found: str = self.send("addVirtualAuthenticator", options=INTERNAL)["authenticatorId"]
        return found

    def send(self, command: str, **parameters: Any) -> Any:
        """A command of the WebAuthn domain."""
        return self._session.send(f"WebAuthn.{command}", parameters)

    def credential(self) -> dict[str, Any]:
        """The one credential of the first authenticator, private key and all."""
        (found,) = self.send("getCredentials", authenticatorId=self.id)["credentials"]
        return dict(found)

    def replace_by_copy(self, credential: dict[str, Any]) -> None:
        """Unplug it, and plug in a copy that somebody made when it was as ``credential`` says."""
        self.send("removeVirtualAuthenticator", authenticatorId=self.id)
        self.id = self.add()
        self.send("addCredential", authenticatorId=self.id, credential=credential)


class Account:
    """One account in one browser, at the app's page."""

    def __init__(self, page: Page, doorward: Kit) -> None:
        self.page = page
        self.doorward = doorward
        self.gateway = doorward.gateway_url.replace("127.0.0.1", "localhost")
        walked = journey.Journey(doorward.gateway_url, doorward.mailbox_url)
        walked.register()
        walked.verify()
        self.email = walked.email

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call auth from the page."""
        return call(self.page, f"{self.gateway}/api/v1/auth/{path}", method, body, **headers)

    def expect(self, status: int, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """As ``call``; the content of an answer that has to have ``status``."""
        answer = self.call(method, path, body, **headers)
        assert answer["status"] == status, (path, answer)
        return answer["content"]

    def sign_in(self) -> Any:
        """By the password, into cookies."""
        body = {"email": self.email, "password": journey.PASSWORD}
        return self.call("POST", "login", body, **BY_COOKIE)

    def add_passkey(self, name: str = "Laptop") -> Any:
        """Have the authenticator make a passkey, and keep it."""
        begun = self.expect(200, "POST", "passkeys/options")
        credential = self.page.evaluate(CREATE, begun["options"])
        body = {"passkey_token": begun["passkey_token"], "credential": credential, "name": name}
        return self.expect(201, "POST", "passkeys", body)

    def answer_challenge(self) -> dict[str, Any]:
        """What signs in by the passkey, not sent yet."""
        begun = self.expect(200, "POST", "passkeys/login/options")
        credential = self.page.evaluate(GET, begun["options"])
        return {"passkey_token": begun["passkey_token"], "credential": credential}

    def sign_in_by_passkey(self) -> Any:
        """Into cookies as well."""
        return self.call("POST", "passkeys/login", self.answer_challenge(), **BY_COOKIE)

    def let_time_pass(self, seconds: int) -> None:
        """Have the last proof of who it is lie further back."""
        url = self.doorward.environment["AUTH_DATABASE_URL"]
        with psycopg.connect(url) as connection:
            connection.execute(
                "UPDATE sessions SET authenticated_at = authenticated_at - make_interval(secs => %s) "
                "WHERE account_id = (SELECT id FROM accounts WHERE email = %s)",
                (seconds, self.email),
            )


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with open_browser() as browser:
        yield browser.new_context()


@pytest.fixture
def account(context: BrowserContext, doorward: Kit, app_port: int) -> Account:
    page = context.new_page()
    page.goto(f"http://localhost:{app_port}")
    return Account(page, doorward)


@pytest.fixture
def authenticators(account: Account) -> Authenticators:
    return Authenticators(account.page)


def test_passkey_is_added_renamed_used_and_removed(account: Account, authenticators: Authenticators) -> None:
    account.sign_in()
    added = account.add_passkey()
    account.expect(200, "PATCH", f"passkeys/{added['id']}", {"name": "Key ring"})
    account.expect(204, "POST", "logout")

    signed_in = account.sign_in_by_passkey()
    listed = account.expect(200, "GET", "passkeys")["items"]
    account.expect(204, "DELETE", f"passkeys/{added['id']}")
    left = account.expect(200, "GET", "passkeys")["items"]
    after = account.sign_in_by_passkey()

    assert (signed_in["status"], set(signed_in["content"])) == (200, {"expires_in", "refresh_expires_in"})
    assert [(item["name"], item["last_used_at"] is None) for item in listed] == [("Key ring", False)]
    assert left == []
    assert after["content"]["code"] == "passkey_invalid"


def test_change_of_factors_asks_for_a_fresh_proof(account: Account, authenticators: Authenticators) -> None:
    account.sign_in()
    added = account.add_passkey()
    account.let_time_pass(301)
    changes = [
        ("POST", "passkeys/options", None),
        ("DELETE", f"passkeys/{added['id']}", None),
        ("POST", "mfa/totp", None),
        ("POST", "api-keys", {"name": "mine", "scopes": ["account"]}),
    ]

    refused = [account.call(*change)["content"]["code"] for change in changes]
    proven = account.expect(200, "POST", "reauthenticate", {"password": journey.PASSWORD})
    done = [account.call(*change)["status"] for change in changes]

    assert refused == ["fresh_sign_in_required"] * 4
    assert set(proven) == {"expires_in", "refresh_expires_in"}  # and the tokens in cookies, as before
    assert done == [200, 204, 201, 201]


def test_answer_to_a_challenge_serves_once(account: Account, authenticators: Authenticators) -> None:
    account.sign_in()
    account.add_passkey()
    answer = account.answer_challenge()

    first, second = (account.call("POST", "passkeys/login", answer, **BY_COOKIE) for _ in range(2))

    assert (first["status"], second["content"]["code"]) == (200, "passkey_invalid")


def test_copied_authenticator_is_refused_and_its_owner_told(
    account: Account, authenticators: Authenticators
) -> None:
    account.sign_in()
    account.add_passkey()
    copy = authenticators.credential()
    used = [account.sign_in_by_passkey()["status"] for _ in range(2)]

    authenticators.replace_by_copy(copy)
    refused = account.sign_in_by_passkey()

    assert used == [200, 200]
    assert (refused["status"], refused["content"]["code"]) == (401, "passkey_invalid")
    wait_until(lambda: "may have been copied" in newest_subject(account), what="the mail about the copy")


def newest_subject(account: Account) -> str:
    mails = journey.mails_to(account.doorward.mailbox_url, account.email)
    return str(mails[0]["subject"])


def test_authenticator_that_does_not_know_its_user_is_of_no_use(
    account: Account, authenticators: Authenticators
) -> None:
    account.sign_in()
    account.add_passkey()
    authenticators.send("setUserVerified", authenticatorId=authenticators.id, isUserVerified=False)

    with pytest.raises(Error, match="NotAllowedError"):
        account.answer_challenge()


def test_passkey_does_not_serve_a_page_that_leads_its_visitor_astray(
    context: BrowserContext, account: Account, authenticators: Authenticators
) -> None:
    """Another origin of the domain can have the passkey sign; whoever passes that on is refused."""
    account.sign_in()
    account.add_passkey()
    stolen = authenticators.credential()
    with serving_page() as port, journey.open_client(account.doorward.gateway_url) as relay:
        page = context.new_page()
        page.goto(f"http://localhost:{port}")
        others = Authenticators(page)
        others.send("addCredential", authenticatorId=others.id, credential=stolen)
        begun = journey.expect(relay.post("/api/v1/auth/passkeys/login/options"), 200)

        credential = page.evaluate(GET, begun["options"])
        body = {"passkey_token": begun["passkey_token"], "credential": credential}
        answer = relay.post("/api/v1/auth/passkeys/login", json=body)
        page.goto(f"http://127.0.0.1:{port}")
        with pytest.raises(Error, match="SecurityError"):
            page.evaluate(GET, begun["options"])

    assert (answer.status_code, answer.json()["code"]) == (401, "passkey_invalid")


def test_authenticator_app_and_recovery_codes_from_set_up_to_removal(account: Account) -> None:
    account.sign_in()
    begun = account.expect(201, "POST", "mfa/totp")
    generator = pyotp.parse_uri(begun["otpauth_uri"])
    assert isinstance(generator, pyotp.TOTP)
    now = utcnow()
    soon = now + timedelta(seconds=30)
    confirmed = account.expect(200, "POST", "mfa/totp/confirm", {"code": generator.at(now)})
    codes = confirmed["recovery_codes"]
    account.expect(204, "POST", "logout")

    attempts = [generator.at(now), generator.at(soon), generator.at(soon), codes[0], codes[0], codes[1]]
    outcomes = [second_step(account, code) for code in attempts]
    left = account.expect(200, "GET", "mfa")
    account.expect(204, "DELETE", "mfa/totp", {"password": journey.PASSWORD})
    account.expect(204, "POST", "logout")

    # The code that confirmed was used up by it, and each other one serves once.
    assert outcomes == [400, 200, 400, 200, 400, 200]
    assert (len(codes), left) == (10, {"totp": True, "recovery_codes_left": 8})
    assert account.sign_in()["status"] == 200


def second_step(account: Account, code: str) -> int:
    """Sign in by the password, then with ``code``; the status of the second step."""
    challenged = account.sign_in()
    assert (challenged["status"], challenged["content"]["code"]) == (401, "mfa_required")
    body = {"mfa_token": challenged["content"]["mfa_token"], "code": code}
    status: int = account.call("POST", "mfa/verify", body, **BY_COOKIE)["status"]
    return status
