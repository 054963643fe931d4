"""The gateway's pages in a real browser: in the reader's language, the team's color, and readable for all."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page

from gateway.links import wordings
from gateway.links.pages import PAGES
from tests import looks
from tests.browsers import open_browser
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.test_error_pages import BROWSER

BRAND = {
    "BRAND_NAME": "Ada & Co",
    "BRAND_COLOR": "#ffd400",
    "BRAND_SUPPORT": "help@example.org",
    "BRAND_LOGO_URL": "https://static.example.org/logo.svg",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def test_every_language_says_the_same_things() -> None:
    def keys(tree: object, path: str = "") -> set[str]:
        if not isinstance(tree, dict):
            assert isinstance(tree, str)
            assert tree
            return {path}
        return {key for name, inner in tree.items() for key in keys(inner, f"{path}.{name}")}

    english = keys(wordings.wording("en"))

    assert {file.stem for file in wordings.FOLDER.iterdir()} == set(wordings.LANGUAGES)
    assert set(PAGES) <= set(wordings.wording("en"))
    assert [language for language in wordings.LANGUAGES if keys(wordings.wording(language)) != english] == []


@pytest.mark.parametrize(
    ("of_mail", "accepted", "language"),
    [
        ("de", "fr", "de"),
        ("de-AT", "fr", "de"),
        ("", "fr-CH, de;q=0.7", "fr"),
        ("it", "es-419,en;q=0.5", "es"),
        ("it", "ja", "en"),
        ("<script>", "", "en"),
        ("", "de;q=x, %%", "en"),
    ],
)
def test_page_speaks_the_language_of_the_mail_or_of_the_browser(
    of_mail: str, accepted: str, language: str
) -> None:
    assert wordings.language_of(of_mail=of_mail, accepted=accepted) == language


@pytest.mark.browser
@pytest.mark.parametrize("language", looks.LANGUAGES)
def test_pages_can_be_read_by_everybody(gateway: Gateway, page: Page, language: str) -> None:
    """`python -m tests.screenshots` looks at each of them in every language, scheme and size."""
    found: dict[str, list[str]] = {}
    turn = looks.LANGUAGES.index(language)
    looks.show(page, looks.SCHEMES[turn % 2], list(looks.SIZES)[turn // 2])
    for number, name in enumerate(PAGES):
        page.goto(f"{gateway.url}/{name}?lang={language}#token=x")
        assert page.locator("html").get_attribute("lang") == language
        found[name] = looks.findings(page) if number % len(looks.LANGUAGES) == turn else looks.overflow(page)

    assert {name: grave for name, grave in found.items() if grave} == {}


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "size"), [("light", looks.DESK), ("dark", looks.PHONE)])
def test_page_of_the_api_can_be_read_and_used_by_everybody(
    gateway: Gateway, page: Page, scheme: looks.Scheme, size: str
) -> None:
    looks.show(page, scheme, size)
    page.goto(f"{gateway.url}/docs/")
    operation = page.get_by_role("button", name="/api/v1/overview").first
    operation.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Try it out").click()
    found = looks.findings(page)
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_role("heading", name="Available authorizations").wait_for()

    assert found + looks.findings(page) == []
    assert page.url.endswith("/docs/#/overview/overview")


@pytest.mark.browser
def test_problem_and_incomplete_link_are_explained_in_the_language_of_the_page(
    gateway: Gateway, page: Page
) -> None:
    page.route("**/api/**", lambda route: route.fulfill(status=400, body='{"code": "code_invalid"}'))

    page.goto(f"{gateway.url}/verify-email?lang=de")
    incomplete = page.get_by_role("status").text_content()
    page.goto("about:blank")
    page.goto(f"{gateway.url}/verify-email?lang=de#token=x")
    page.get_by_role("button", name="Adresse bestätigen").click()
    page.wait_for_function("document.getElementById('answer').textContent")
    looks.show(page, "dark", looks.PHONE)

    assert incomplete == wordings.wording("de")["page"]["incomplete"]
    assert page.get_by_role("status").text_content() == wordings.wording("de")["problems"]["code_invalid"]
    assert looks.findings(page) == []


@pytest.mark.browser
def test_team_sees_its_own_names_and_colors(start_gateway: StartGateway, page: Page) -> None:
    gateway = start_gateway(**BRAND)
    asked: list[str] = []
    page.route(
        "https://static.example.org/**", lambda route: (asked.append(route.request.url), route.abort())
    )
    found = []
    for path, scheme in (
        ("/nothing-here", "dark"),
        ("/console/sign-in", "light"),
        ("/verify-email", "light"),
    ):
        page.goto(f"{gateway.url}{path}#token=x")
        looks.show(page, scheme, looks.PHONE)
        found += looks.findings(page)
    button = page.get_by_role("button")
    colors = button.evaluate("one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).color]")
    texts = {
        path: httpx.get(gateway.url + path, headers=BROWSER).text for path in ("/console/sign-in", "/docs/")
    }

    assert found == []
    assert colors == ["rgb(255, 212, 0)", "rgb(0, 0, 0)"]
    assert page.get_by_role("img").get_attribute("alt") == "Ada & Co"
    assert asked[0] == BRAND["BRAND_LOGO_URL"]
    assert (
        page.get_by_role("link", name="help@example.org").get_attribute("href") == "mailto:help@example.org"
    )
    assert page.title().endswith("· Ada & Co")
    assert "Ada &amp; Co console" in texts["/console/sign-in"]
    assert httpx.get(f"{gateway.url}/openapi.json").json()["info"]["title"] == "Ada & Co"
    assert re.search(r"Ada (&|\\u0026|&amp;) Co API", texts["/docs/"])
