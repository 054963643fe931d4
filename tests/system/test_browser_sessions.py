"""Cookie mode in a real Chromium: an allowed page lives on cookies, and no other page can make use of them.

`localhost` and `127.0.0.1` are two sites to a browser; two ports of one host are two origins of one site,
whose pages get the cookies sent along however strict they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browsers import CALL, call, open_browser, serving_page
from tests.system import journey
from tests.system.kit import Kit

pytestmark = [
    pytest.mark.system,
    pytest.mark.browser,
    pytest.mark.timeout(300),
]

ACCESS, REFRESH, DEVICE = (f"__Host-doorward-{name}" for name in ("access", "refresh", "device"))
ME = "/api/v1/users/me"
AUTH = "/api/v1/auth"
FORM = """([url, fields, enctype]) => {
  const name = `sink${document.forms.length}`;
  const frame = Object.assign(document.createElement("iframe"), { name });
  const form = Object.assign(document.createElement("form"), { method: "POST", action: url, target: name });
  form.enctype = enctype;
  for (const [name, value] of Object.entries(fields))
    form.append(Object.assign(document.createElement("input"), { name, value }));
  document.body.append(frame, form);
  form.submit();
}"""


@dataclass(frozen=True)
class Origins:
    """Who asks: our app, another page of the same site, and a page of another site."""

    app: str
    sibling: str
    foreign: str


@pytest.fixture(scope="module")
def origins(app_port: int) -> Iterator[Origins]:
    with serving_page() as other:
        local = f"http://localhost:{app_port}", f"http://localhost:{other}"
        yield Origins(*local, foreign=f"http://127.0.0.1:{other}")


@pytest.fixture(scope="module")
def gateway(doorward: Kit) -> str:
    """The gateway as pages of `localhost` name it."""
    return doorward.gateway_url.replace("127.0.0.1", "localhost")


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with open_browser() as browser:
        yield browser.new_context()


@pytest.fixture
def email(doorward: Kit) -> str:
    walked = journey.Journey(doorward.gateway_url, doorward.mailbox_url)
    walked.register()
    walked.verify()
    return walked.email


@pytest.fixture
def app(context: BrowserContext, origins: Origins) -> Page:
    page = context.new_page()
    page.goto(origins.app)
    return page


def sign_in(page: Page, gateway: str, email: str) -> Any:
    body = {"email": email, "password": journey.PASSWORD}
    return call(page, f"{gateway}{AUTH}/login", "POST", body, **{"Token-Delivery": "cookie"})


def cookies(context: BrowserContext) -> dict[str, Any]:
    return {cookie["name"]: cookie for cookie in context.cookies()}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_allowed_page_lives_on_cookies_from_sign_in_to_sign_out(
    context: BrowserContext, app: Page, gateway: str, email: str, host: str
) -> None:
    app.goto(app.url.replace("localhost", host))
    gateway = gateway.replace("localhost", host)

    signed_in = sign_in(app, gateway, email)
    first = cookies(context)
    profile = call(app, gateway + ME)
    changed = call(app, gateway + ME, "PATCH", {"name": "Ada King"})
    refreshed = call(app, f"{gateway}{AUTH}/refresh", "POST")
    second = cookies(context)
    again = call(app, gateway + ME)
    signed_out = call(app, f"{gateway}{AUTH}/logout", "POST")
    left = cookies(context)
    after = call(app, gateway + ME)

    assert signed_in["content"].keys() == {"expires_in", "refresh_expires_in"}
    assert first.keys() == {ACCESS, REFRESH, DEVICE}
    for cookie in first.values():
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
        assert (cookie["path"], cookie["domain"]) == ("/", host)
    assert app.evaluate("document.cookie") == ""
    assert (profile["status"], profile["content"]["email"]) == (200, email)
    assert (changed["status"], again["content"]["name"]) == (200, "Ada King")
    assert refreshed["content"].keys() == {"expires_in", "refresh_expires_in"}
    assert second[REFRESH]["value"] != first[REFRESH]["value"]
    assert (signed_out["status"], left.keys()) == (204, {DEVICE})
    assert (after["status"], after["content"]["code"]) == (401, "token_missing")


def test_tabs_that_refresh_at_once_all_stay_signed_in(
    context: BrowserContext, app: Page, gateway: str, email: str
) -> None:
    sign_in(app, gateway, email)
    refresh = f"{gateway}{AUTH}/refresh"

    all_at_once = (
        f"(url) => Promise.all(Array.from({{ length: 8 }}, () => ({CALL})([url, {{ method: 'POST' }}])))"
    )

    statuses = app.evaluate(all_at_once, refresh)

    assert {answer["status"] for answer in statuses} == {200}
    assert call(app, refresh, "POST")["status"] == 200
    assert call(app, gateway + ME)["status"] == 200


@pytest.mark.parametrize("whose", ["sibling", "foreign"])
def test_strangers_page_reads_nothing_and_changes_nothing(
    context: BrowserContext, app: Page, origins: Origins, gateway: str, email: str, whose: str
) -> None:
    sign_in(app, gateway, email)
    before, profile = cookies(context), call(app, gateway + ME)
    stranger = context.new_page()
    stranger.goto(getattr(origins, whose))

    outcomes = attack(stranger, gateway)

    assert outcomes == {"blocked", "opaque"}
    assert cookies(context) == before  # neither refreshed nor signed out, nor in as somebody else
    assert call(app, gateway + ME) == profile
    assert call(app, f"{gateway}{AUTH}/refresh", "POST")["status"] == 200


def attack(page: Page, gateway: str) -> set[str]:
    """Everything that a page can send without being allowed to; what its calls came to."""
    posts = [f"{gateway}{path}" for path in (f"{AUTH}/refresh", f"{AUTH}/logout", f"{AUTH}/logout-all", ME)]
    login = {"email": "eve@example.com", "password": journey.PASSWORD}
    for enctype in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        for url in (*posts, f"{gateway}{AUTH}/login"):
            with page.expect_response(url):
                page.evaluate(FORM, [url, login, enctype])
    outcomes = set()
    for url in posts:
        plain = {"method": "POST", "mode": "no-cors", "headers": {"Content-Type": "text/plain"}, "body": "{}"}
        bare = {"method": "POST", "mode": "no-cors"}
        for options in (plain, bare):
            outcomes.add(page.evaluate(CALL.replace("await answer.text()", '""'), [url, options])["type"])
        outcomes.add(call(page, url, "POST")["status"])
        outcomes.add(call(page, url, "POST", {"name": "Eve"}, **{"Token-Delivery": "cookie"})["status"])
        outcomes.add(call(page, url, "GET")["status"])
    outcomes.add(call(page, gateway + ME, "PATCH", {"name": "Eve"})["status"])
    outcomes.add(
        call(page, f"{gateway}{AUTH}/login", "POST", login, **{"Token-Delivery": "cookie"})["status"]
    )
    return outcomes


def test_session_that_was_ended_elsewhere_leaves_no_cookies_behind(
    context: BrowserContext, app: Page, gateway: str, doorward: Kit, email: str
) -> None:
    sign_in(app, gateway, email)
    with journey.open_client(doorward.gateway_url) as client:
        body = {"email": email, "password": journey.PASSWORD}
        pair = journey.expect(client.post(f"{AUTH}/login", json=body), 200)
        journey.expect(client.post(f"{AUTH}/logout-all", headers=journey.bearer(pair["access_token"])), 204)

    refreshed = call(app, f"{gateway}{AUTH}/refresh", "POST")
    left = cookies(context)
    again = sign_in(app, gateway, email)

    assert (refreshed["status"], refreshed["content"]["code"]) == (401, "session_revoked")
    assert left.keys() == {DEVICE}
    assert again["status"] == 200
