"""What is left of a quota, from Flask-Limiter: it asks Redis, which may have left since it counted."""

import time

from flask_limiter import RequestLimit
from redis.exceptions import RedisError

USUAL_SECONDS = 60


def seconds_left(limit: RequestLimit) -> int | None:
    """How long until the quota is whole again, in seconds; None if Redis does not say."""
    try:
        return max(0, int(limit.reset_at - time.time()))
    except RedisError:
        return None


def retry_after(limit: RequestLimit) -> int:
    """The seconds after which to try again once the quota is used up."""
    left = seconds_left(limit)
    return (USUAL_SECONDS if left is None else left) + 1
