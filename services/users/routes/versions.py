"""Versions of a profile in headers: ETag in answers, If-Match and If-None-Match in requests."""

from typing import Any

from flask import Response, request
from werkzeug.datastructures import Headers
from werkzeug.http import parse_etags

from services.users.cache.profiles import Cached
from services.users.errors import StaleProfile

READS = frozenset({"GET", "HEAD"})

ETAG = {"ETag": {"description": "The version of the profile.", "schema": {"type": "string"}}}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` that the change is based on. 412 if the profile has changed since.",
    "schema": {"type": "string"},
    "example": '"7"',
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of the version that the client has. 304 if it is still the current one.",
    "schema": {"type": "string"},
    "example": '"7"',
}


def expected_versions() -> frozenset[int] | None:
    """The versions that If-Match names; none where its tags are of no version, None where any is welcome."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    # An empty tag, `""`, is None among them.
    tags = [tag for tag in request.if_match.as_set() if tag is not None]
    return frozenset(int(tag) for tag in tags if tag.isdecimal() and len(tag) < 18)


def answer(shown: Cached) -> Response:
    """The profile with its ETag; 304 where its reader has it. Raises StaleProfile for a reader's If-Match."""
    asked, etag = request.environ, f'"{shown.version}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if asked["REQUEST_METHOD"] in READS and _is_known(shown.version, etag, asked):
        return WholeResponse(status=304, headers=headers)
    headers |= {"Content-Type": "application/json", "Content-Length": str(len(shown.content))}
    return WholeResponse(shown.content, headers=headers)


class WholeResponse(Response):
    """A response whose headers are complete: Werkzeug need not look for what is missing or too much."""

    default_mimetype = None

    def get_wsgi_headers(self, environ: dict[str, Any]) -> Headers:
        """The headers as they are."""
        return self.headers


def _is_known(version: int, etag: str, asked: dict[str, Any]) -> bool:
    """Whether the reader has this version (RFC 9110 section 13.2.2)."""
    if "HTTP_IF_MATCH" in asked:
        expected = expected_versions()
        if expected is not None and version not in expected:
            raise StaleProfile
    known = asked.get("HTTP_IF_NONE_MATCH")
    return known == etag or (known is not None and parse_etags(known).contains_weak(str(version)))
