"""What the use cases of notifications are given from outside."""

from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from services.notifications.handover import HandoverNotes
from services.notifications.outcomes import Patience
from services.notifications.progress import Progress
from services.notifications.sender import Sender
from services.notifications.settings import NotificationsSettings
from shared.chassis.sealing import Sealer

EXTENSION = "doorward_notifications"
VARIABLES = "notification-variables"  # what the variables of a mail are sealed for


@dataclass(frozen=True, slots=True)
class Deps:
    """The settings, and what is made of them once."""

    settings: NotificationsSettings
    sealer: Sealer
    sender: Sender
    notes: HandoverNotes
    progress: Progress = field(default_factory=Progress)

    @property
    def patience(self) -> Patience:
        """How long and how often a mail is tried."""
        return Patience(self.settings.retry_seconds, self.settings.retry_hours)

    @classmethod
    def from_settings(cls, settings: NotificationsSettings) -> "Deps":
        """The real ones; nothing connects before it is used."""
        return cls(
            settings=settings,
            sealer=Sealer(settings.accepted_secrets, VARIABLES),
            sender=Sender(settings),
            notes=HandoverNotes(settings.sqlalchemy_url),
        )


def deps() -> Deps:
    """Those of the app that is at work."""
    return cast("Deps", current_app.extensions[EXTENSION])
