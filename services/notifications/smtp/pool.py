"""The connections of one worker to one mail server, and all that decides whether it gets a message now.

Connections are kept for the next message, since connecting and signing in cost more than the message itself:
at most ``MESSAGES_A_CONNECTION``, for ``AGE_SECONDS``, not idle for longer than ``IDLE_SECONDS``, and asked
first whether they still live.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import current_app

from services.notifications.smtp.breakers import Breaker
from services.notifications.smtp.conversations import Handover, SmtpConnection
from services.notifications.smtp.mime import MailMessage
from services.notifications.smtp.rates import PerDay, PerSecond
from services.notifications.smtp.refusals import OutcomeUnknown, Refused
from services.notifications.smtp.servers import SmtpServer
from shared.chassis.logs import get_logger, mask_text

MESSAGES_A_CONNECTION = 100
AGE_SECONDS = 300.0
IDLE_SECONDS = 10.0
ASK_AFTER_SECONDS = 1.0

log = get_logger(__name__)


@dataclass(slots=True)
class _Kept:
    """A connection, and what is known of its life."""

    connection: SmtpConnection
    opened_at: float = field(default_factory=time.monotonic)
    idle_since: float = 0.0
    sent: int = 0

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self.opened_at > AGE_SECONDS or self.sent >= MESSAGES_A_CONNECTION

    def is_sound(self) -> bool:
        """Whether the server takes another message on it; asking costs a round trip, listening nothing."""
        idle_seconds = time.monotonic() - self.idle_since
        if idle_seconds > IDLE_SECONDS or self.connection.has_news():
            return False
        return idle_seconds < ASK_AFTER_SECONDS or self.connection.is_alive()


class ServerPool:
    """One mail server, as the deliveries of one worker see it."""

    def __init__(
        self, server: SmtpServer, *, timeout: float, final_timeout: float, sent_today: Callable[[], int]
    ) -> None:
        self.server = server
        self.breaker = Breaker()
        self._timeouts = {"timeout": timeout, "final_timeout": final_timeout}
        self._lock = threading.Lock()
        self._idle: list[_Kept] = []
        self._free = server.connections
        self._limits: list[PerSecond | PerDay] = []
        self._per_second = PerSecond(server.per_second) if server.per_second is not None else None
        if self._per_second is not None:
            self._limits.append(self._per_second)
        if server.per_day is not None:
            self._limits.append(PerDay(server.per_day, sent_today))

    @property
    def name(self) -> str:
        """What the server is called in settings, timelines and metrics."""
        return self.server.name

    def share(self, workers: int) -> None:
        """Leave the other workers their share of a second: there are so many with this one."""
        if self._per_second is not None:
            self._per_second.share(workers)

    def is_available(self) -> bool:
        """Whether the server may be given a message now."""
        has_room = self._free > 0 and all(limit.has_room() for limit in self._limits)
        return has_room and not self.breaker.is_open()

    def enter(self) -> bool:
        """Take the right to give it one message, if there is one now; ``deliver`` gives it back."""
        with self._lock:
            if self._free == 0 or not self.breaker.enter():
                return False
            if not all(limit.take() for limit in self._limits):
                self.breaker.left()
                return False
            self._free -= 1
            return True

    def deliver(self, message: MailMessage, mail_from: str, handover: Handover) -> str:
        """The server's answer; raises Refused, NotNoted or OutcomeUnknown. Only after ``enter``."""
        try:
            answer = self._deliver(message, mail_from, handover)
        except Refused as error:
            if error.is_against_us:  # which nobody sees where the next server takes the message
                log.warning("mail_server_refused_us", server=self.name, cause=mask_text(str(error)))
            self._learn(error, is_fault=error.is_servers_fault)
            raise
        except OutcomeUnknown as error:
            self._learn(error, is_fault=True)
            raise
        except BaseException:
            self.breaker.left()
            raise
        finally:
            with self._lock:
                self._free += 1
        self.breaker.succeeded()
        return answer

    def _learn(self, error: Exception, *, is_fault: bool) -> None:
        if not is_fault:
            self.breaker.succeeded()  # a server that refuses one message does its work
            return
        # A few of them at most: an open breaker lets nothing through.
        event = "breaker_opened" if self.breaker.failed(str(error)) else "mail_server_failed"
        log.warning(event, server=self.name, cause=mask_text(str(error)))

    def _deliver(self, message: MailMessage, mail_from: str, handover: Handover) -> str:
        kept = self._take(mail_from, handover)
        try:
            answer = kept.connection.deliver(message, handover)
        except Refused:
            self._give_back(kept, is_sound=kept.connection.is_ready_again())
            raise
        except OutcomeUnknown:
            self._give_back(kept, is_sound=False)
            raise
        except BaseException:
            # Without its final dot a message is never taken: cutting the connection takes it back.
            kept.connection.abandon()
            raise
        kept.sent += 1
        self._give_back(kept, is_sound=True)
        return answer

    def _take(self, mail_from: str, handover: Handover) -> _Kept:
        while True:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            if kept is None:
                break
            if kept.is_sound():
                return kept
            kept.connection.close()
        connection = SmtpConnection(current_app.extensions["mail"], self.server, **self._timeouts)
        connection.open(mail_from, within_seconds=handover.left_seconds)
        return _Kept(connection)

    def _give_back(self, kept: _Kept, *, is_sound: bool) -> None:
        if not is_sound or kept.is_old:
            kept.connection.close()
            return
        kept.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(kept)

    def close(self) -> None:
        """Leave the mail server."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            kept.connection.close()
