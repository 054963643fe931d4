"""What another service refused: its problem document as our error, so that the caller learns what was wrong.

A refusal that is about the caller or his request passes on. One that is about us (our service token, a body
of ours that it cannot read) does not: the caller could do nothing about it.
"""

from typing import Any

import httpx
import orjson

from shared.chassis import errors
from shared.chassis.service_tokens import ServiceTokenInvalid

_KINDS: dict[int, type[errors.ApiError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    422: errors.InvalidRequest,
    429: errors.TooManyRequests,
}
LONGEST_WAIT_SECONDS = 86_400


def error_of(response: httpx.Response) -> errors.ApiError | None:
    """The error that ``response`` is about; None where it is none of the caller's."""
    kind = _KINDS.get(response.status_code)
    problem = _problem(response)
    if kind is None or problem.get("code") == ServiceTokenInvalid.code:
        return None
    options: dict[str, Any] = {"errors": problem.get("errors"), "headers": _headers(response)}
    if kind is errors.TooManyRequests:
        options["retry_after_seconds"] = 1
    error = kind(_text(problem.get("detail")), **options)
    error.code = _text(problem.get("code")) or kind.code
    return error


def retry_after(response: httpx.Response) -> dict[str, str]:
    """The Retry-After of the answer, where it is one that we can pass on."""
    seconds = response.headers.get("Retry-After", "")
    is_number = seconds.isascii() and seconds.isdecimal() and len(seconds) <= 9
    return {"Retry-After": str(min(int(seconds), LONGEST_WAIT_SECONDS))} if is_number else {}


def _headers(response: httpx.Response) -> dict[str, str]:
    challenge = response.headers.get("WWW-Authenticate")
    return {**retry_after(response), **({"WWW-Authenticate": challenge} if challenge else {})}


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The members of the problem document; none where the answer is no such document."""
    if response.headers.get("Content-Type", "").partition(";")[0] != errors.PROBLEM_TYPE:
        return {}
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
