"""Versions of a profile in headers: ETag in answers, If-Match and If-None-Match in requests."""

from flask import Response, request

from services.users.cache.profiles import Cached


def expected_versions() -> frozenset[int] | None:
    """The versions that If-Match names; none where its tags are of no version, None where any is welcome."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    return frozenset(int(tag) for tag in request.if_match.as_set() if tag.isdecimal() and len(tag) < 18)


def answer(shown: Cached) -> Response:
    """The profile with its ETag; 304 where the client has it."""
    response = Response(shown.content, content_type="application/json")
    response.set_etag(str(shown.version))
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response
