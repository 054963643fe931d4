"""The page in a real browser: it follows what comes in, and what a mail brings stays harmless."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.mailbox.conftest import Mailbox
from tests.mailbox.test_page import HOSTILE
from tests.mailbox.test_receiving import mail, send

pytestmark = pytest.mark.browser


@pytest.fixture
def page(mailbox: Mailbox) -> Iterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        # As root, Chromium's own sandbox refuses to start; what is opened here is ours.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto(str(mailbox.api.base_url))
        yield opened
        browser.close()


def test_mail_that_comes_in_appears_and_can_be_read(page: Page, mailbox: Mailbox) -> None:
    expect(page.get_by_text("No mail yet")).to_be_visible()

    send(mailbox, mail(subject="Your code", text="Your code:\n\n123456\n"))

    expect(page.get_by_role("heading", name="Your code")).to_be_visible()
    expect(page.locator("#text")).to_contain_text("123456")


def test_search_narrows_the_list_and_delete_empties_it(page: Page, mailbox: Mailbox) -> None:
    send(mailbox, mail(to="ada@example.org", subject="for Ada"))
    send(mailbox, mail(to="grace@example.org", subject="for Grace"))
    expect(page.locator("#list li")).to_have_count(2)

    page.get_by_label("Search").fill("grace")
    expect(page.locator("#list li")).to_have_count(1)
    page.get_by_role("button", name="Delete all").click()

    expect(page.get_by_text("No mail yet")).to_be_visible()
    assert mailbox.messages() == []


def test_script_and_remote_picture_of_a_mail_do_nothing(page: Page, mailbox: Mailbox) -> None:
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    message = mail(subject="hostile")
    message.add_alternative(f"<p>harmless words</p>{HOSTILE}", subtype="html")

    send(mailbox, message)

    expect(page.frame_locator("#html").get_by_text("harmless words")).to_be_visible()
    assert len(mailbox.messages()) == 1
    assert [url for url in answered if not url.startswith(str(mailbox.api.base_url))] == []


def test_faults_are_switched_on_and_off_on_the_page(page: Page, mailbox: Mailbox) -> None:
    page.get_by_role("button", name="Faults").click()
    page.get_by_label("Refuse at").select_option("rcpt")
    page.get_by_label("with code").fill("552")
    page.get_by_label("Only to").fill("@slow.example")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Applied.")).to_be_visible()
    chosen = mailbox.api.get("/api/chaos").json()

    page.get_by_label("with code").fill("552")
    page.get_by_label("Times").fill("1.5")
    page.evaluate("document.getElementById('switches').noValidate = true")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("times: ")).to_be_visible()
    page.get_by_role("button", name="No faults").click()
    expect(page.get_by_text("The server behaves.")).to_be_visible()

    assert (chosen["reject_rate"], chosen["reject_at"], chosen["reject_code"]) == (1, "rcpt", 552)
    assert chosen["only_to"] == "@slow.example"
    assert mailbox.api.get("/api/chaos").json()["reject_rate"] == 0
