"""Sends one message by one of the mail servers: in turn, until one was handed the whole message."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from uuid import UUID

from services.notifications.delivery.crowding import Crowd
from services.notifications.lanes import URGENT
from services.notifications.smtp import mail_from
from services.notifications.smtp.conversations import Handover
from services.notifications.smtp.mime import MailMessage
from services.notifications.smtp.outlets import Outlet
from services.notifications.smtp.refusals import UNAVAILABLE, Refused
from services.notifications.templating.compiling import Rendered

# With less of the lease left no other server is begun with.
LEAST_SECONDS_FOR_A_SERVER = 1.0


def new_message_id(message_id: UUID, address: str) -> str:
    """The Message-ID of every attempt at this message from ``address`` (RFC 5322 section 3.6.4)."""
    return f"<{message_id}@{address.rpartition('@')[2]}>"


class Sender:
    """The mail servers, as the deliveries of one worker see them."""

    def __init__(
        self,
        name: str,
        address: str,
        outlets: Sequence[Outlet],
        *,
        crowd: Crowd,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._blank = MailMessage(
            sender=mail_from.as_header(name, address),
            # Keeps vacation responders from answering (RFC 3834 section 5).
            extra_headers={"Auto-Submitted": "auto-generated"},
        )
        self._blank.sign = sign
        self._address = address
        self._outlets = outlets
        self._crowd = crowd

    @property
    def outlets(self) -> Sequence[Outlet]:
        """Every server."""
        return self._outlets

    def is_available(self) -> bool:
        """Whether any server may be given a message now."""
        return any(pool.is_available() for pool in self._outlets)

    def send(self, content: Rendered, *, to_email: str, message_id: str, handover: Handover) -> str:
        """The answer of the server that took it; raises Refused, NotNoted or OutcomeUnknown."""
        message = self._message(content, to_email, message_id)
        refused: Refused | None = None
        for pool in self._in_turn(handover.lane):
            if refused is not None and handover.left_seconds < LEAST_SECONDS_FOR_A_SERVER:
                break
            if not pool.enter():
                continue
            try:
                with self._crowd.attempt(_key(pool), handover.lane):
                    return pool.deliver(message, self._address, handover)
            except Refused as error:
                refused = error
                if not error.can_go_elsewhere:
                    raise
        raise refused or Refused("connect", UNAVAILABLE, "no mail server is available at the moment")

    def _in_turn(self, lane: str) -> Sequence[Outlet]:
        """Every server that this message may be meant for, in the order of trying."""
        domain = self._address.rpartition("@")[2].lower()
        mine = [pool for pool in self._outlets if domain in pool.server.sender_domains]
        rest = [pool for pool in self._outlets if not pool.server.sender_domains]
        pools = [*shuffled(mine), *shuffled(rest)]
        # One that is slow and has its share of the lane comes last.
        pools.sort(key=lambda pool: self._crowd.is_full_for(_key(pool), lane))
        if lane == URGENT:
            # A server that was left alone is tried with a message that can wait, where there is another one.
            pools = [pool for pool in pools if pool.breaker.state == "closed"] or pools
        return pools

    def _message(self, content: Rendered, to_email: str, message_id: str) -> MailMessage:
        message = copy(self._blank)  # each new one would ask for the host's name, to make an id of it
        message.subject, message.body = content.subject, content.text
        message.alts = {"html": content.html}  # of its own: setting `html` would change the blank's
        message.recipients = [to_email]
        message.msgId = message_id
        message.date = time.time()
        return message

    def close(self) -> None:
        """Leave the mail servers."""
        for pool in self._outlets:
            pool.close()


def _key(pool: Outlet) -> str:
    return f"server {pool.server.name}"


def shuffled(pools: Iterable[Outlet]) -> list[Outlet]:
    """By order; among servers of the same order by chance, the heavier ones more often first."""
    return sorted(
        pools,
        key=lambda pool: (pool.server.order, -(random.random() ** (1 / pool.server.weight))),  # noqa: S311
    )
