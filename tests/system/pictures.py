"""Makes the pictures of the README: ``python -m tests.system.pictures``, against a Doorward of its own."""

from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import ViewportSize, expect

from tests.browsers import open_browser
from tests.deploy.conftest import Runner
from tests.system.backend import ROOT
from tests.system.journey import Journey, wait_for_mail

FOLDER = ROOT / "docs" / "pictures"
VIEWPORT = ViewportSize(width=1100, height=720)


def take(runner: Runner, folder: Path) -> None:
    """Write `api.png` and `mailbox.png` into ``folder``."""
    mailbox = f"http://127.0.0.1:{runner.state['environment']['MAILBOX_PORT']}"
    ada = Journey(runner.gateway_url, mailbox, email="ada@example.org")
    ada.register()
    wait_for_mail(mailbox, ada.email)
    with open_browser() as browser:
        page = browser.new_page(viewport=VIEWPORT)
        page.goto(f"{runner.gateway_url}/docs")
        expect(page.get_by_text("/api/v1/auth/login").first).to_be_attached()
        page.screenshot(path=folder / "api.png")
        page.goto(mailbox)
        page.get_by_text(ada.email).first.click()
        expect(page.get_by_text("Confirm").first).to_be_attached()
        page.screenshot(path=folder / "mailbox.png")


def main() -> None:
    """Start Doorward in a folder of its own, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the database server is nobody, who has to pass through
        runner = Runner(folder / "data")
        try:
            runner.start_until_ready()
            take(runner, FOLDER)
        finally:
            runner.stop()


if __name__ == "__main__":
    main()
