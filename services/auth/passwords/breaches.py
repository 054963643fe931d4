"""Whether a password is known from breaches: as a local list says, or a service, if either is set.

If a list or service is unavailable, the password is accepted: an outage must not keep anybody from
choosing one. The metric and the log say so.
"""

import hashlib
from collections.abc import Mapping
from time import monotonic
from typing import Protocol

from prometheus_client import Counter

from services.auth.passwords.breach_file import BreachFile, BreachFileInvalid
from services.auth.passwords.breach_service import BreachService, BreachServiceUnavailable
from services.auth.passwords.policy import normalised
from services.auth.settings import AuthSettings
from shared.chassis.logs import get_logger
from shared.chassis.settings import SettingsError

# After a failure nobody waits for that source for a while.
PAUSE_SECONDS = 30.0
CHECKS = Counter(
    "doorward_breached_password_checks_total", "New passwords looked up in breaches.", ["source", "outcome"]
)

log = get_logger(__name__)


class Source(Protocol):
    """Something that knows hashes of breached passwords."""

    def has(self, sha1: str) -> bool:
        """Whether it knows the hash; raises where it cannot say."""
        ...


class Breaches:
    """The sources that the settings name, asked one after the other."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._paused_until = dict.fromkeys(sources, 0.0)

    @classmethod
    def from_settings(cls, settings: AuthSettings) -> "Breaches":
        """The sources of a real process; raises SettingsError for a list that is none."""
        sources: dict[str, Source] = {}
        if settings.breached_passwords_file is not None:
            file = BreachFile(settings.breached_passwords_file)
            try:
                file.check()
            except (OSError, BreachFileInvalid) as error:
                raise SettingsError(f"AUTH_BREACHED_PASSWORDS_FILE: {error}.") from error
            sources["file"] = file
        if settings.breached_passwords_url is not None:
            url, seconds = str(settings.breached_passwords_url), settings.breached_passwords_seconds
            sources["service"] = BreachService(url, seconds=seconds)
        return cls(sources)

    def know(self, password: str) -> bool:
        """Whether the password is known from breaches, as far as anybody could be asked."""
        if not self._sources:
            return False
        # SHA-1 because the lists are made of it; nothing is kept under it.
        sha1 = hashlib.sha1(normalised(password).encode(), usedforsecurity=False).hexdigest()
        return any(self._ask(name, source, sha1) for name, source in self._sources.items())

    def _ask(self, name: str, source: Source, sha1: str) -> bool:
        if monotonic() < self._paused_until[name]:
            CHECKS.labels(name, "skipped").inc()
            return False
        try:
            is_known = source.has(sha1)
        except (OSError, BreachFileInvalid, BreachServiceUnavailable) as error:
            self._paused_until[name] = monotonic() + PAUSE_SECONDS
            CHECKS.labels(name, "failed").inc()
            log.warning("breach_check_failed", source=name, cause=str(error), pause_seconds=PAUSE_SECONDS)
            return False
        CHECKS.labels(name, "known" if is_known else "unknown").inc()
        return is_known
