"""Deadlines: a request that nobody waits for any more is not worth starting.

The gateway says in ``X-Request-Deadline`` (unix seconds) until when it waits. A service that gets to the
request later, because it queued, answers at once instead of doing work whose answer is thrown away.
"""

import math
import time

from flask import Flask, request

from shared.chassis import errors

HEADER = "X-Request-Deadline"
_ENVIRON_KEY = "HTTP_X_REQUEST_DEADLINE"


class DeadlineExceeded(errors.ApiError):
    """The request waited here for longer than its caller waits."""

    status = 504
    code = "deadline_exceeded"
    detail = "This request reached the service after its deadline; nothing was done."


def install(app: Flask) -> None:
    """Refuse requests of ``app`` that are too late; a value that is no time is ignored."""

    @app.before_request
    def check_deadline() -> None:
        value = request.environ.get(_ENVIRON_KEY)
        if value is None:
            return
        try:
            deadline = float(value)
        except ValueError:
            return
        if math.isfinite(deadline) and deadline < time.time():
            raise DeadlineExceeded
