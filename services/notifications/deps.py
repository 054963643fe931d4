"""What the use cases of notifications are given from outside."""

from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from services.notifications.intervals import Interval
from services.notifications.lanes import Slots
from services.notifications.outcomes import Patience
from services.notifications.pool import ServerPool
from services.notifications.progress import Progress
from services.notifications.sender import Sender
from services.notifications.servers import SmtpServer
from services.notifications.settings import NotificationsSettings
from services.notifications.store import attempts
from shared.chassis.sealing import Sealer

EXTENSION = "doorward_notifications"
VARIABLES = "notification-variables"  # what the variables of a message are sealed for
ADOPT_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Deps:
    """The settings, and what is made of them once."""

    settings: NotificationsSettings
    sealer: Sealer
    sender: Sender
    slots: Slots
    progress: Progress = field(default_factory=Progress)
    adopting: Interval = field(default_factory=lambda: Interval(ADOPT_EVERY_SECONDS))

    @property
    def patience(self) -> Patience:
        """How long and how often a message is tried."""
        return Patience(self.settings.retry_seconds, self.settings.retry_hours)

    @classmethod
    def from_settings(cls, settings: NotificationsSettings) -> "Deps":
        """The real ones; nothing connects before it is used."""
        return cls(
            settings=settings,
            sealer=Sealer(settings.accepted_secrets, VARIABLES),
            sender=Sender(*settings.sender, [_pool(settings, server) for server in settings.servers]),
            slots=Slots(settings.slots),
        )


def _pool(settings: NotificationsSettings, server: SmtpServer) -> ServerPool:
    return ServerPool(
        server,
        timeout=settings.smtp_timeout_seconds,
        final_timeout=settings.smtp_final_timeout_seconds,
        sent_today=lambda: attempts.sent_today(server.name),
    )


def deps() -> Deps:
    """Those of the app that is at work."""
    return cast("Deps", current_app.extensions[EXTENSION])
