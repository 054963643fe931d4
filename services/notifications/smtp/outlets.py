"""What a sender gives messages to: a mail server, or a folder."""

from typing import Protocol

from services.notifications.smtp.breakers import Breaker
from services.notifications.smtp.conversations import Handover
from services.notifications.smtp.mime import MailMessage
from services.notifications.smtp.servers import SmtpServer


class Outlet(Protocol):
    """One place that takes messages, as the deliveries of one worker see it."""

    server: SmtpServer
    breaker: Breaker

    def share(self, workers: int) -> None:
        """Leave the other workers their share of it: there are so many with this one."""

    def is_available(self) -> bool:
        """Whether it may be given a message now."""

    def enter(self) -> bool:
        """Take the right to give it one message, if there is one now; ``deliver`` gives it back."""

    def deliver(self, message: MailMessage, mail_from: str, handover: Handover) -> str:
        """Its answer; raises Refused, NotNoted or OutcomeUnknown."""

    def close(self) -> None:
        """Leave it."""
