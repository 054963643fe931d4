"""CORS as a real browser sees it: pages of an allowed and of a foreign origin, on success and on errors."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser

from shared.chassis.testing.tokens import access_token
from tests.browsers import open_browser, serving_page
from tests.gateway.conftest import Gateway, StartGateway

pytestmark = pytest.mark.browser

CALL = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return [answer.status, answer.headers.get("RateLimit") !== null, (await answer.json()).code ?? null];
  } catch (error) { return ["blocked", false, null]; }
}"""


@pytest.fixture
def origins() -> Iterator[tuple[str, str]]:
    """An allowed origin and a foreign one."""
    with serving_page() as allowed, serving_page() as foreign:
        yield f"http://127.0.0.1:{allowed}", f"http://127.0.0.1:{foreign}"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def gateway(start_gateway: StartGateway, origins: tuple[str, str]) -> Gateway:
    return start_gateway(GATEWAY_ALLOWED_ORIGINS=origins[0], NOTIFICATIONS_URL="http://127.0.0.1:9")


def test_a_page_reads_what_its_origin_may_and_no_other_page_does(
    browser: Browser, gateway: Gateway, origins: tuple[str, str], account_id: UUID
) -> None:
    token = {"Authorization": f"Bearer {access_token(account_id)}"}
    simple: dict[str, Any] = {}
    asked = {"headers": token}
    credentialed = {"headers": token, "credentials": "include"}
    changed = {"method": "PATCH", "headers": {**token, "Content-Type": "application/json"}, "body": "{}"}
    calls = [
        ("/api/v1/users/me", simple, [401, True, "token_missing"]),
        ("/api/v1/users/me", asked, [200, True, None]),
        ("/api/v1/users/me", credentialed, [200, True, None]),
        ("/api/v1/users/me", changed, [200, True, None]),
        ("/api/v1/notifications", asked, [503, True, "upstream_unavailable"]),
        ("/nowhere", simple, [404, True, "not_found"]),
    ]

    def outcomes(origin: str) -> list[Any]:
        page = browser.new_page()
        page.goto(origin)
        found = [page.evaluate(CALL, [gateway.url + path, options]) for path, options, _ in calls]
        page.close()
        return found

    assert outcomes(origins[0]) == [expected for _, _, expected in calls]
    assert outcomes(origins[1]) == [["blocked", False, None]] * len(calls)


def test_a_header_that_is_not_allowed_stops_at_the_preflight(
    browser: Browser, gateway: Gateway, origins: tuple[str, str], account_id: UUID
) -> None:
    headers = {"Authorization": f"Bearer {access_token(account_id)}", "X-Evil": "1"}
    page = browser.new_page()
    page.goto(origins[0])

    outcome = page.evaluate(CALL, [f"{gateway.url}/api/v1/users/me", {"headers": headers}])
    page.close()

    assert outcome[0] == "blocked"
