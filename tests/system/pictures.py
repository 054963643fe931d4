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
# The ports that a newcomer has, as the pictures are to show: they have to be free.
USUAL = {"GATEWAY_PORT": "8080", "MAILBOX_PORT": "8025"}
GATEWAY, MAILBOX = (f"http://127.0.0.1:{port}" for port in USUAL.values())


def take(folder: Path) -> None:
    """Write `api.png` and `mailbox.png` into ``folder``."""
    ada = Journey(GATEWAY, MAILBOX, email="ada@example.org")
    ada.register()
    wait_for_mail(MAILBOX, ada.email)
    with open_browser() as browser:
        page = browser.new_page(viewport=VIEWPORT)
        page.goto(f"{GATEWAY}/docs")
        expect(page.get_by_text("/api/v1/auth/login").first).to_be_attached()
        page.screenshot(path=folder / "api.png")
        page.goto(MAILBOX)
        page.get_by_text(ada.email).first.click()
        expect(page.get_by_text("Confirm").first).to_be_attached()
        page.screenshot(path=folder / "mailbox.png")


def main() -> None:
    """Start Doorward in a folder of its own, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the database server is nobody, who has to pass through
        runner = Runner(folder / "data", **USUAL)
        try:
            runner.start_until_ready()
            take(FOLDER)
        finally:
            runner.stop()


if __name__ == "__main__":
    main()
