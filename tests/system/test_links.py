"""The links of mails in a real browser: opening one does nothing, its button does what it says."""

import re
from collections.abc import Iterator

import httpx
import pytest
from doorward_testkit import Mailbox
from playwright.sync_api import Page, expect

from tests.browsers import open_browser
from tests.system import journey
from tests.system.kit import Kit

pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.timeout(300)]
SIGN_IN = """body => fetch("/api/v1/auth/login", {
    method: "POST",
    headers: {"Content-Type": "application/json", "Token-Delivery": "cookie"},
    body: JSON.stringify(body),
}).then(answer => answer.status)"""
NEW_PASSWORD = "another staple for another horse 93"


@pytest.fixture
def page() -> Iterator[Page]:
    with open_browser() as browser:
        yield browser.new_page()


@pytest.fixture
def client(doorward: Kit) -> Iterator[httpx.Client]:
    with journey.open_client(doorward.gateway_url) as client:
        yield client


def sign_in(client: httpx.Client, email: str, password: str = journey.PASSWORD) -> httpx.Response:
    return client.post("/api/v1/auth/login", json={"email": email, "password": password})


def test_verification_link_waits_for_its_button(
    doorward_mailbox: Mailbox, client: httpx.Client, page: Page
) -> None:
    email = journey.new_address()
    journey.register(client, email)
    link = doorward_mailbox.link_for(email)

    for _ in range(3):
        page.goto(link)
        page.reload()
    opened = sign_in(client, email)
    page.goto("about:blank")
    page.goto(link)
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.get_by_role("status")).to_contain_text("confirmed")

    assert (opened.status_code, opened.json()["code"]) == (401, "invalid_credentials")
    assert sign_in(client, email).status_code == 200
    assert "token" not in page.url


def test_used_link_says_so(doorward_mailbox: Mailbox, client: httpx.Client, page: Page) -> None:
    email = journey.new_address()
    journey.register(client, email)
    link = doorward_mailbox.link_for(email)

    for expected in ("confirmed", "not valid|wrong|expired|used"):
        page.goto("about:blank")
        page.goto(link)
        page.get_by_role("button", name="Confirm the address").click()
        expect(page.get_by_role("status")).to_have_text(re.compile(expected))


def test_reset_link_sets_a_password_and_explains_a_weak_one(
    doorward: Kit, doorward_mailbox: Mailbox, client: httpx.Client, page: Page
) -> None:
    walked = journey.Journey(doorward.gateway_url, doorward.mailbox_url)
    walked.register()
    walked.verify()
    doorward_mailbox.clear()
    client.post("/api/v1/auth/password/forgot", json={"email": walked.email})
    page.goto(doorward_mailbox.link_for(walked.email))

    page.get_by_label("New password").fill("password")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("status")).to_have_class("bad")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("status")).to_contain_text("changed")

    assert sign_in(client, walked.email).status_code == 401
    assert sign_in(client, walked.email, NEW_PASSWORD).status_code == 200


def test_link_of_a_new_address_asks_for_the_password(
    doorward: Kit, doorward_mailbox: Mailbox, client: httpx.Client, page: Page
) -> None:
    walked = journey.Journey(doorward.gateway_url, doorward.mailbox_url)
    walked.register()
    walked.verify()
    new_email = journey.new_address()
    body = {"new_email": new_email, "password": journey.PASSWORD}
    headers = journey.bearer(walked.pair["access_token"])
    journey.expect(client.post("/api/v1/auth/email/change", json=body, headers=headers), 202)
    link = doorward_mailbox.link_for(new_email)

    page.goto(link)
    opened = sign_in(client, new_email)
    for password, expected in (
        ("wrong", "password is wrong"),
        (journey.PASSWORD, "address of your account now"),
    ):
        page.get_by_label("Your password").fill(password)
        page.get_by_role("button", name="Confirm the address").click()
        expect(page.get_by_role("status")).to_contain_text(expected)

    assert opened.status_code == 401
    assert sign_in(client, new_email).status_code == 200
    assert sign_in(client, walked.email).status_code == 401


def test_invitation_link_joins_whoever_is_signed_in_in_this_browser(
    doorward: Kit, doorward_mailbox: Mailbox, page: Page
) -> None:
    ada, bob = (journey.Journey(doorward.gateway_url, doorward.mailbox_url) for _ in range(2))
    for each in (ada, bob):
        each.register()
        each.verify()
    own = journey.bearer(ada.pair["access_token"])
    organizations = "/api/v1/users/organizations"
    made = journey.expect(ada.client.post(organizations, json={"name": "Acme"}, headers=own), 201)
    members = f"{organizations}/{made['id']}/members"
    invite = f"{organizations}/{made['id']}/invitations"
    doorward_mailbox.clear()
    journey.expect(ada.client.post(invite, json={"email": bob.email}, headers=own), 202)
    link = doorward_mailbox.link_for(bob.email)

    for is_signed_in, expected in ((False, "not signed in"), (True, "member of the organization")):
        if is_signed_in:
            page.evaluate(SIGN_IN, {"email": bob.email, "password": journey.PASSWORD})
            page.goto("about:blank")
        page.goto(link)
        page.get_by_role("button", name="Join the organization").click()
        expect(page.get_by_role("status")).to_have_text(re.compile(expected))

    assert len(ada.client.get(members, headers=own).json()["items"]) == 2


@pytest.mark.parametrize(
    "path",
    ["join-organization", "verify-email", "reset-password", "sign-in", "change-email", "restore-email"],
)
def test_pages_keep_the_token_to_themselves(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/{path}")

    assert answer.status_code == 200
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
