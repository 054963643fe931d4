"""Somebody before a page of the docs in a browser, who types the codes that it asks for."""

import re

import pyotp
from playwright.sync_api import Dialog

from shared.chassis.testing.engines import wait_until
from tests.system import journey


def answer(dialog: Dialog, mailbox: str) -> None:
    """Type the code that the page asks for: of the newest mail, or of the authenticator app."""
    mailed = re.search(r"mail to (\S+)", dialog.message)
    if mailed is None:
        secret = dialog.message.split()[1]
        dialog.accept(pyotp.TOTP(secret).now())
    else:
        dialog.accept(new_code(mailbox, mailed[1]))


seen: set[str] = set()  # the mails whose codes were typed


def new_code(mailbox: str, email: str) -> str:
    """The code of the newest mail, which is awaited: each is typed once."""
    mails: list[dict[str, str]] = []

    def has_come() -> bool:
        mails[:] = [mail for mail in journey.mails_to(mailbox, email) if journey.has_code(mail)]
        return bool(mails) and mails[0]["id"] not in seen

    wait_until(has_come, what=f"a mail with a code to {email}")
    seen.add(mails[0]["id"])
    return journey.code_in(mails[0])
