"""The mailbox of the system under test: every mail that it has sent."""

import re
import time
from typing import Any
from urllib.parse import quote

from doorward_testkit import api

SECONDS = 20.0
_CODE = re.compile(r"^\s*(\d{6})\s*$", re.MULTILINE)
_LINK = re.compile(r"https?://\S+")


class Mailbox:
    """Reads and empties it. Waiting ends with AssertionError after 20 seconds."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def messages(self, to: str | None = None) -> list[dict[str, Any]]:
        """The mails to an address, or all of them; newest first."""
        query = f"?to={quote(to)}" if to is not None else ""
        found: list[dict[str, Any]] = api.expect(200, "GET", f"{self.url}/api/messages{query}")
        return found

    def latest(self, to: str, *, subject: str = "") -> dict[str, Any]:
        """The newest mail to ``to`` whose subject contains ``subject``; waits until there is one."""
        return self._await(to, lambda mail: subject in mail["subject"], what=f"a mail to {to}")

    def code_for(self, address: str) -> str:
        """The six digits of the newest mail to ``address`` that has some; waits for it."""
        mail = self._await(
            address, lambda mail: bool(_CODE.search(mail["text"])), what=f"a code for {address}"
        )
        return str(_CODE.findall(mail["text"])[0])

    def link_for(self, address: str) -> str:
        """The first link of the newest mail to ``address`` that has one; waits for it."""
        mail = self._await(
            address, lambda mail: bool(_LINK.search(mail["text"])), what=f"a link for {address}"
        )
        return str(_LINK.findall(mail["text"])[0])

    def clear(self) -> None:
        """Delete every mail."""
        api.expect(204, "DELETE", f"{self.url}/api/messages")

    def _await(self, to: str, is_meant: Any, *, what: str) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for mail in self.messages(to):
                if is_meant(mail):
                    return mail
            time.sleep(0.05)
        raise AssertionError(f"{what} has not come within {SECONDS:g} seconds")
