"""The request fields that may come once only: two of them are two requests, depending on who reads.

RFC 9110 section 5.3 lets a field repeat only where its values are a list. A proxy that judges the last
Authorization in front of a service that takes the first has judged nothing.
"""

from collections.abc import Iterable

SINGLE = frozenset(
    {
        b"authorization",
        b"access-control-request-method",
        b"content-length",
        b"content-range",
        b"content-type",
        b"cookie",  # HTTP/1.1 only; a proxy that speaks HTTP/2 joins them (RFC 9113 section 8.2.3)
        b"host",
        b"idempotency-key",
        b"if-modified-since",
        b"if-range",
        b"if-unmodified-since",
        b"origin",
        b"proxy-authorization",
        b"range",
        b"referer",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"token-delivery",
        b"x-api-key",
        b"x-csrf-token",
        b"x-csrftoken",
        b"x-http-method-override",
    }
)


def find_doubled(fields: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The name of a field that must come once and comes again; None if there is none."""
    seen = set()
    for name, _ in fields:
        if name in SINGLE:
            if name in seen:
                return name
            seen.add(name)
    return None
