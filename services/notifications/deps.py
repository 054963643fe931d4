"""What the use cases of notifications are given from outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from services.notifications.delivery.crowding import Crowd
from services.notifications.delivery.intervals import Interval
from services.notifications.delivery.outcomes import Patience
from services.notifications.delivery.pacing import Paces
from services.notifications.delivery.progress import Progress
from services.notifications.delivery.sender import Sender
from services.notifications.lanes import Slots
from services.notifications.rendering.template_cache import TemplateCache
from services.notifications.secret_check import VARIABLES
from services.notifications.settings import NotificationsSettings
from services.notifications.smtp.mail_folder import MailFolder
from services.notifications.smtp.outlets import Outlet
from services.notifications.smtp.pool import ServerPool
from services.notifications.smtp.servers import SmtpServer
from services.notifications.store import attempts
from services.notifications.templating.looks import Look
from shared.chassis.sealing import Sealer

EXTENSION = "doorward_notifications"
ADOPT_EVERY_SECONDS = 5.0
REPORT_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Deps:
    """The settings, and what is made of them once."""

    settings: NotificationsSettings
    sealer: Sealer
    sender: Sender
    slots: Slots
    look: Look
    crowd: Crowd
    paces: Paces = field(default_factory=Paces)
    template_cache: TemplateCache = field(default_factory=TemplateCache)
    progress: Progress = field(default_factory=Progress)
    adopting: Interval = field(default_factory=lambda: Interval(ADOPT_EVERY_SECONDS))
    reporting: Interval = field(default_factory=lambda: Interval(REPORT_EVERY_SECONDS))

    @property
    def patience(self) -> Patience:
        """How long and how often a message is tried."""
        return Patience(self.settings.retry_seconds, self.settings.retry_hours)

    @classmethod
    def from_settings(cls, settings: NotificationsSettings) -> "Deps":
        """The real ones; nothing connects before it is used."""
        crowd = Crowd(settings.slots)
        return cls(
            settings=settings,
            sealer=Sealer(settings.accepted_secrets, VARIABLES),
            sender=Sender(*settings.sender, _outlets(settings), crowd=crowd, sign=_signing(settings)),
            slots=Slots(settings.slots, crowd.is_stuck),
            crowd=crowd,
            look=settings.look,
        )


def _outlets(settings: NotificationsSettings) -> Sequence[Outlet]:
    if settings.servers or settings.mail_folder is None:
        return [_pool(settings, server) for server in settings.servers]
    return [MailFolder(settings.mail_folder)]


def _signing(settings: NotificationsSettings) -> Callable[[bytes], bytes] | None:
    signer = settings.signer
    return signer.header if signer is not None else None


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
