"""A running Doorward, wherever it comes from."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# High enough for any test run; no wait between two mails to one address; passwords are quick to hash.
WITHOUT_LIMITS = {
    "AUTH_FREE_FAILED_SIGN_INS": "1000",
    "AUTH_FREE_FAILURES_PER_CLIENT": "100000",
    "AUTH_MAIL_INTERVAL_SECONDS": "1",
    "AUTH_PASSWORD_HASH_MEMORY_KIB": "8192",
}


OWN_PREFIX = "DOORWARD_TESTKIT_"


def inherited() -> dict[str, str]:
    """The environment of the test run, as Doorward may have it: without what is meant for the plugin."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OWN_PREFIX)}


def cache_folder() -> Path:
    """Where the plugin keeps what later runs use again; it may be deleted at any time."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "doorward-testkit"


class StartError(RuntimeError):
    """Doorward did not start; the text says why, with the last lines of its log."""


@dataclass
class Backend:
    """Where it answers. Ended by ``close``, which leaves nothing behind."""

    gateway_url: str
    mailbox_url: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def create_admin(self, *, email: str, password: str) -> None:
        """Make an administrator; raises StartError where this backend gives no way to do so."""
        raise StartError("Only a Doorward that the plugin has started can be given an administrator.")

    def close(self) -> None:
        """Stop it, if the plugin has started it."""
