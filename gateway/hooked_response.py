"""A forwarded answer as Flask's hooks see it."""

from flask import Response

from gateway.messages import Answer, Source


class HookedResponse(Response):
    """A forwarded answer as Flask's hooks see it; what is streamed of it is no part of its ``data``."""

    source: Source | None = None


def hooked(answer: Answer) -> Response:
    """``answer`` for Flask, with the fields that it came with and no others."""
    if isinstance(answer, Response):
        return answer
    response = HookedResponse(answer.body, status=answer.status_code)
    response.headers.clear()
    response.headers.extend(answer.headers)
    response.source = answer.source
    return response
