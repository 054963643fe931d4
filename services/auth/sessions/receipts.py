"""Receipts: which token pairs have reached their clients, as the gateways report it through Redis.

A gateway reports a pair when it first sees its access token (``gateway/receipts.py``), many at once. A relay
of the worker moves the reports to the sessions; whoever has to decide over a superseded token looks at
what has not been moved yet.
"""

import math
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from services.auth.models import db
from services.auth.store import sessions as store
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger
from shared.contracts import tokens

CHANNEL = "doorward_receipts"  # nobody notifies it: the relay looks every second
TIMEOUT_SECONDS = 0.25
BATCH = 1000

# Takes out what was moved, unless a higher number has been reported meanwhile.
_TAKE_OUT = """
for place = 1, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[place]) == ARGV[place + 1] then
        redis.call('HDEL', KEYS[1], ARGV[place])
    end
end
"""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """The highest pair of a session that was reported, and since when (unix seconds) no report was lost."""

    number: int
    complete_since: float


UNKNOWN = Report(0, math.inf)


class Receipts:
    """Asks Redis what was reported."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url

    def find(self, session_id: UUID) -> Report:
        """What was reported of the session; ``UNKNOWN`` where nobody can say."""
        try:
            # A superseded token comes late rarely enough for a connection of its own.
            with Redis.from_url(
                self._url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
            ) as redis:
                pipeline = redis.pipeline(transaction=True)
                pipeline.hget(tokens.RECEIPTS, str(session_id))
                pipeline.get(tokens.RECEIPTS_SINCE)
                number, since = pipeline.execute()
        except RedisError as error:
            log.warning("receipts_unknown", cause=repr(error))
            return UNKNOWN
        return Report(int(number or 0), math.inf if since is None else float(since))


def move(redis: Redis) -> int:
    """One step of the relay: note in the sessions what was reported; how much it was."""
    found = islice(redis.hscan_iter(tokens.RECEIPTS, count=BATCH), BATCH)
    pairs = {UUID(session.decode()): int(number) for session, number in found}
    if not pairs:
        return 0
    with transaction(db):
        settled = store.note_received(pairs)
    if settled:
        moved = [str(part) for session_id in settled for part in (session_id, pairs[session_id])]
        redis.eval(_TAKE_OUT, 1, tokens.RECEIPTS, *moved)
    return len(settled)
