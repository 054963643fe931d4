"""Sends one mail over a connection of the pool: Flask-Mail's Message, our conversation.

Connections are kept for the next mail, since connecting and signing in cost more than the mail itself:
at most ``MESSAGES_A_CONNECTION``, for ``AGE_SECONDS``, not idle for longer than ``IDLE_SECONDS``, and asked
first whether they still live.
"""

import threading
import time
from contextlib import suppress
from email.utils import parseaddr
from uuid import UUID

import flask_mail
from flask import current_app

from services.notifications.refusals import OutcomeUnknown, Refused
from services.notifications.rendering import Rendered
from services.notifications.settings import NotificationsSettings
from services.notifications.smtp import Handover, SmtpConnection

MESSAGES_A_CONNECTION = 100
AGE_SECONDS = 300.0
IDLE_SECONDS = 10.0
ASK_AFTER_SECONDS = 1.0


def new_message_id(notification_id: UUID, mail_from: str) -> str:
    """The Message-ID of every attempt at this mail (RFC 5322 section 3.6.4)."""
    domain = parseaddr(mail_from)[1].rpartition("@")[2]
    return f"<{notification_id}@{domain}>"


class Sender:
    """The mail server, as the deliveries of one worker see it."""

    def __init__(self, settings: NotificationsSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: list[tuple[float, SmtpConnection]] = []

    def send(self, content: Rendered, *, to_email: str, message_id: str, handover: Handover) -> str:
        """The server's answer; raises Refused or OutcomeUnknown."""
        message = self._message(content, to_email, message_id)
        connection = self._take()
        try:
            answer = connection.deliver(message, handover)
        except Refused:
            self._give_back(connection, is_sound=self._reset(connection))
            raise
        except OutcomeUnknown:
            self._give_back(connection, is_sound=False)
            raise
        except BaseException:
            # Without its final dot a mail is never taken: cutting the connection takes it back.
            connection.abandon()
            raise
        self._give_back(connection, is_sound=True)
        return answer

    def close(self) -> None:
        """Leave the mail server."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _message(self, content: Rendered, to_email: str, message_id: str) -> flask_mail.Message:
        message = flask_mail.Message(
            subject=content.subject,
            recipients=[to_email],
            body=content.text,
            html=content.html,
            sender=parseaddr(self._settings.mail_from),
            # Keeps vacation responders from answering (RFC 3834 section 5).
            extra_headers={"Auto-Submitted": "auto-generated"},
        )
        message.msgId = message_id
        message.date = time.time()
        return message

    def _take(self) -> SmtpConnection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                idle_since, connection = self._idle.pop()
            if _is_sound(connection, idle_since):
                return connection
            connection.close()
        connection = SmtpConnection(current_app.extensions["mail"], self._settings)
        connection.open()
        return connection

    def _give_back(self, connection: SmtpConnection, *, is_sound: bool) -> None:
        is_old = time.monotonic() - connection.opened_at > AGE_SECONDS
        if not is_sound or is_old or connection.sent >= MESSAGES_A_CONNECTION:
            connection.close()
            return
        with self._lock:
            self._idle.append((time.monotonic(), connection))

    @staticmethod
    def _reset(connection: SmtpConnection) -> bool:
        """Whether the server is ready for another mail after a refusal."""
        with suppress(Exception):
            return connection.smtp.rset()[0] == 250
        return False


def _is_sound(connection: SmtpConnection, idle_since: float) -> bool:
    """Whether the server takes another mail on it; asking costs a round trip, listening nothing."""
    idle_seconds = time.monotonic() - idle_since
    if idle_seconds > IDLE_SECONDS or connection.has_news():
        return False
    return idle_seconds < ASK_AFTER_SECONDS or connection.is_alive()
