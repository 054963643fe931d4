"""Answers to what never became a request: the bytes could not be parsed, or did not come in time."""

from collections.abc import Iterable
from http import HTTPStatus

import orjson

from shared.chassis.errors import FRAMEWORK_CODES, PROBLEM_TYPE
from shared.chassis.ids import new_id


def refusal(status: int, extra_fields: Iterable[tuple[str, str]] = ()) -> bytes:
    """A whole response, as problem+json (RFC 9457), after which the connection ends."""
    code, detail = FRAMEWORK_CODES.get(status, FRAMEWORK_CODES[400])
    phrase, request_id = HTTPStatus(status).phrase, str(new_id())
    body = orjson.dumps(
        {
            "type": f"urn:doorward:problem:{code}",
            "title": phrase,
            "status": status,
            "detail": detail,
            "code": code,
            "request_id": request_id,
        }
    )
    extra = "".join(f"{name}: {value}\r\n" for name, value in extra_fields)
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {PROBLEM_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nX-Request-ID: {request_id}\r\n{extra}Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
