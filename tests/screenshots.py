"""Every page and mail as a picture, in every language, light and dark, on a phone and on a desk.

``make screenshots`` (``python -m tests.screenshots FOLDER [WORD]``, with `testkit` on the path) starts
a whole Doorward and takes those whose name contains WORD. axe-core looks at each: what it finds serious
is printed, and the run fails.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pyotp
from doorward_testkit.accounts import Account, Accounts
from doorward_testkit.local import LocalBackend
from doorward_testkit.mailbox import Mailbox
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from gateway.error_pages import ErrorPages
from gateway.links.pages import PAGES
from gateway.links.wordings import wording
from services.notifications.rendering import rendering
from services.notifications.rendering.catalog import TEMPLATES
from services.notifications.templating import looks as mail_looks
from shared.chassis.brand import BrandSettings
from tests import looks
from tests.browsers import open_browser
from tests.notifications.mails import version
from tests.notifications.test_rendering import sample

NAME, SUPPORT = "Example & Sons", "help@example.org"
BRAND = {"BRAND_NAME": NAME, "BRAND_SUPPORT": SUPPORT}
COMMAND = Path(sys.executable).with_name("doorward")


class Photographer:
    """Takes what is open in every view, and remembers what axe-core finds."""

    def __init__(self, folder: Path, word: str) -> None:
        self._folder, self._word = folder, word
        self.count, self.found = 0, dict[str, list[str]]()

    def wants(self, name: str) -> bool:
        """Whether pictures of that name are asked for."""
        return self._word in name

    def take(self, page: Page, name: str) -> None:
        """Pictures of what is open."""
        for view in looks.views(page):
            path = self._folder / f"{name}.{view}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=path, full_page=True)
            self.count += 1
            if grave := looks.findings(page):
                self.found[f"{name}.{view}"] = grave


def take_mails(browser: Browser, camera: Photographer) -> None:
    """Every mail in every language."""
    look = mail_looks.look(name=NAME, support=SUPPORT, footer="Example & Sons Ltd, 1 Example Road, Example")
    page = browser.new_page()
    for template in filter(lambda name: camera.wants(f"mails/{name}"), TEMPLATES):
        for language in looks.LANGUAGES:
            page.set_content(rendering.render(version(template), language, sample(template), look).html)
            camera.take(page, f"mails/{template}.{language}")
    page.close()


def take_links(browser: Browser, camera: Photographer, url: str) -> None:
    """The pages of links: as they open, after a refusal, and without their token."""
    for language in looks.LANGUAGES:
        page = browser.new_page()
        for name in filter(lambda name: camera.wants(f"links/{name}"), PAGES):
            page.goto(f"{url}/{name}?lang={language}#token=not-a-token")
            camera.take(page, f"links/{name}.{language}")
            if PAGES[name].action:
                for field in page.get_by_label(wording(language)[name].get("asks_for", "-")).all():
                    field.fill("correct horse battery staple")
                page.get_by_role("button").click()
                expect(page.locator("#answer")).not_to_be_empty()
                camera.take(page, f"links/{name}.refused.{language}")
            page.goto("about:blank")
        page.goto(f"{url}/verify-email?lang={language}")
        camera.take(page, f"links/incomplete.{language}")
        page.close()


def take_errors(browser: Browser, camera: Photographer, url: str) -> None:
    """The pages of errors."""
    statuses = {"not_found": 404, "rate_limited": 429, "unavailable": 503, "refused": 400, "failed": 500}
    for language in looks.LANGUAGES:
        page = browser.new_page(extra_http_headers={"Accept-Language": language})
        for kind, status in statuses.items():
            page.route(f"**/error-{kind}", partial(_fail, status))
            page.goto(f"{url}/error-{kind}")
            camera.take(page, f"errors/{kind}.{language}")
        page.close()


def _fail(status: int, route: Route) -> None:
    """Answer as the gateway does when something is refused with that status."""
    app = Flask("gateway.links.pages")
    pages = ErrorPages(app.jinja_env, BrandSettings(**BRAND))  # type: ignore[arg-type]
    content = '{"request_id": "0192f0c1-2a77-7c3e-9d53-5f0f3c1b2a77"}'
    problem = app.response_class(content, status=status, content_type="application/problem+json")
    answer = pages.instead_of(
        problem, "/", [(k.encode(), v.encode()) for k, v in route.request.headers.items()]
    )
    assert isinstance(answer, app.response_class)
    route.fulfill(status=status, content_type=answer.content_type, body=answer.get_data())


def take_console(browser: Browser, camera: Photographer, url: str, admin: Account) -> None:
    """The operator's pages, with and without a second factor."""
    page = browser.new_page()
    _sign_in(page, url, admin)
    page.wait_for_url("**/console/")
    camera.take(page, "console/dashboard")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail address").wait_for()
    camera.take(page, "console/sign-in")
    with httpx.Client(base_url=f"{url}/api/v1/auth", headers=admin.headers) as client:
        secret = client.post("/mfa/totp").json()["secret"]
        client.post("/mfa/totp/confirm", json={"code": pyotp.TOTP(secret).now()}).raise_for_status()
    _sign_in(page, url, admin)
    page.wait_for_url("**/second-factor")
    camera.take(page, "console/second-factor")
    page.close()


def _sign_in(page: Page, url: str, admin: Account) -> None:
    page.goto(f"{url}/console/sign-in")
    page.get_by_label("E-mail address").fill(admin.email)
    page.get_by_label("Password").fill(admin.password)
    page.get_by_role("button", name="Sign in").click()


def take_others(browser: Browser, camera: Photographer, url: str, mailbox_url: str) -> None:
    """The page of the API and the mailbox."""
    page = browser.new_page()
    page.goto(mailbox_url)
    page.locator("#list button").first.click()
    camera.take(page, "mailbox/mail")
    page.get_by_role("button", name="Faults").click()
    camera.take(page, "mailbox/faults")
    page.goto(f"{url}/docs/")
    page.get_by_role("button", name="/api/v1/auth/login").first.click()
    page.get_by_role("button", name="Try it out").wait_for()
    camera.take(page, "docs/api")
    page.close()


@contextmanager
def running() -> Iterator[tuple[LocalBackend, Accounts]]:
    """A whole Doorward of its own, with a mail in its mailbox."""
    backend = LocalBackend(str(COMMAND), BRAND)
    try:
        accounts = Accounts(backend, Mailbox(backend.mailbox_url))
        accounts.make()
        yield backend, accounts
    finally:
        backend.close()


def main(folder: Path, word: str = "") -> int:
    """Take them; the exit status."""
    camera = Photographer(folder, word)
    with open_browser() as browser, running() as (backend, accounts):
        url = backend.gateway_url
        take_mails(browser, camera)
        take_links(browser, camera, url)
        if camera.wants("errors"):
            take_errors(browser, camera, url)
        if camera.wants("console"):
            take_console(browser, camera, url, accounts.admin())
        if camera.wants("others"):
            take_others(browser, camera, url, backend.mailbox_url)
    for name, grave in camera.found.items():
        print(name, *dict.fromkeys(grave), sep="\n  ")  # noqa: T201
    print(f"{camera.count} pictures in {folder}; {len(camera.found)} with serious findings")  # noqa: T201
    return 1 if camera.found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
