"""Points at which a process kills itself, as with SIGKILL from outside, which meets them by chance alone."""

import os
import signal
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple


class Point(NamedTuple):
    """Before or after which function a process ends."""

    owner: Any
    function: str
    is_before: bool


def arm(point: Point, times: int = 1) -> None:
    """Let this process end when it comes there for that many times."""
    inner: Callable[..., Any] = getattr(point.owner, point.function)
    left = [times]

    @wraps(inner)
    def watched(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if point.is_before and left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = inner(*arguments, **options)
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(point.owner, point.function, watched)
