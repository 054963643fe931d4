"""Errors as answers: RFC 9457 problem details for every status of every process.

    ApiError                    the root: status, stable code, a sentence the caller can act on
    ├── InvalidRequest          422  validation_failed
    ├── Unauthorized            401  the token errors of access_tokens.py
    ├── Forbidden               403  forbidden
    ├── NotFound                404  not_found
    ├── Conflict                409  conflict
    ├── TooManyRequests         429  rate_limited
    └── Unavailable             503  unavailable

A service subclasses these in its own ``errors.py``. Everything that is not an ApiError becomes one
here: werkzeug's HTTP errors by their status, anything else a 500 whose cause goes to the log alone.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, request
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from werkzeug.exceptions import HTTPException

from shared.chassis import tracing
from shared.chassis.logs import get_logger

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

log = get_logger(__name__)

# The codes of errors that no class of ours raises: what the framework refuses by itself.
FRAMEWORK_CODES: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "The request is malformed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not support that method."),
    406: ("not_acceptable", "No available media type matches the Accept header."),
    408: ("request_timeout", "The request took too long to arrive."),
    413: ("body_too_large", "The request body is too large for this address."),
    414: ("uri_too_long", "The request target is too long."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    422: ("validation_failed", "The request is well-formed but some values are not valid."),
    428: ("precondition_required", "Send an If-Match header."),
    429: ("rate_limited", "Too many requests; wait as long as Retry-After says."),
    431: ("headers_too_large", "The request headers are too large."),
    500: ("internal_error", "Something went wrong on the server; the logs have more under this request id."),
    501: ("not_implemented", "This method is not supported."),
    502: ("bad_gateway", "The service behind this address did not give a valid answer."),
    503: ("unavailable", "A service that this needs does not answer; try again shortly."),
    504: ("gateway_timeout", "The service behind this address did not answer in time."),
}
INVALID_JSON = "The body is not valid JSON."


class ApiError(Exception):
    """An error that is part of the API: ``raise SessionRevoked()`` answers with its problem."""

    status: int = 500
    code: str = "internal_error"
    detail: str = FRAMEWORK_CODES[500][1]
    is_logged: bool = True  # as far as it is a 5xx

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or self.detail)
        self.text = detail or self.detail
        self.headers = dict(headers or {})
        self.errors = errors
        self.members = members


class InvalidRequest(ApiError):
    """The body or query can be parsed, but a value is not valid."""

    status = 422
    code = "validation_failed"
    detail = FRAMEWORK_CODES[422][1]

    @classmethod
    def at(cls, pointer: str, detail: str) -> "InvalidRequest":
        """A mistake in one member, named by its JSON pointer."""
        return cls(errors=[{"pointer": pointer, "detail": detail}])


class Unauthorized(ApiError):
    """No valid credentials came with the request (RFC 6750 section 3)."""

    status = 401
    code = "unauthorized"
    detail = "Sign in first."

    def __init__(self, detail: str | None = None, **options: Any) -> None:
        super().__init__(detail, **options)
        self.headers.setdefault("WWW-Authenticate", 'Bearer realm="doorward"')


class Forbidden(ApiError):
    """The caller is signed in but is not allowed to do this."""

    status = 403
    code = "forbidden"
    detail = "This account is not allowed to do that."


class NotFound(ApiError):
    """The object does not exist, or the caller may not see it."""

    status = 404
    code = "not_found"
    detail = "This does not exist, or you may not see it."


class Conflict(ApiError):
    """The request conflicts with the current state."""

    status = 409
    code = "conflict"
    detail = "The request contradicts the present state."


class TooManyRequests(ApiError):
    """A limit is reached; Retry-After says when to try again."""

    status = 429
    code = "rate_limited"
    detail = FRAMEWORK_CODES[429][1]

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int, **options: Any) -> None:
        super().__init__(detail, **options)
        self.headers.setdefault("Retry-After", str(max(1, retry_after_seconds)))


class Unavailable(ApiError):
    """A dependency is down or full; the same request may succeed shortly."""

    status = 503
    code = "unavailable"
    detail = FRAMEWORK_CODES[503][1]

    def __init__(self, detail: str | None = None, **options: Any) -> None:
        super().__init__(detail, **options)
        self.headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))


def all_errors(root: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    """Every declared error, for the documentation and its test."""
    for child in root.__subclasses__():
        yield child
        yield from all_errors(child)


def problem_response(error: ApiError) -> Response:
    """``error`` as application/problem+json."""
    trace = tracing.current()
    body: dict[str, Any] = {
        "type": f"urn:doorward:problem:{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.text,
        "code": error.code,
        "request_id": trace.request_id if trace else None,
        **error.members,
    }
    if error.errors:
        body["errors"] = error.errors
    response = Response(orjson.dumps(body), status=error.status, content_type=PROBLEM_TYPE)
    response.headers.update(error.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def from_http_exception(error: HTTPException) -> ApiError:
    """The ApiError that says what werkzeug or webargs meant, its headers (Allow, Retry-After) kept."""
    status = error.code or 500
    code, detail = FRAMEWORK_CODES.get(status, ("http_error", HTTPStatus(status).phrase))
    messages = (getattr(error, "data", None) or {}).get("messages")
    if status == 400 and messages:
        code, detail = "invalid_json", INVALID_JSON
    errors = list(_mistakes(messages)) if status == 422 and messages else None
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return _FrameworkError(status, code, detail, headers=headers, errors=errors)


class _FrameworkError(ApiError):
    """What the framework refused by itself; not part of the documented tree."""

    def __init__(self, status: int, code: str, detail: str, **options: Any) -> None:
        super().__init__(detail, **options)
        self.status = status
        self.code = code


def _mistakes(messages: Any) -> Iterator[dict[str, str]]:
    """webargs' nested messages as JSON pointers (RFC 6901) below the location they came in."""
    for location, tree in messages.items():
        prefix = "" if location in {"json", "form"} else f"/{location}"
        yield from _flatten(tree, prefix)


def _flatten(tree: Any, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(tree, dict):
        for key, inner in tree.items():
            step = "" if key == "_schema" else f"/{_escaped(str(key))}"
            yield from _flatten(inner, pointer + step)
    elif isinstance(tree, list):
        for text in tree:
            yield {"pointer": pointer, "detail": str(text)}
    else:
        yield {"pointer": pointer, "detail": str(tree)}


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")[:100]


def handle_api_error(error: ApiError) -> Response:
    """Answer with the error; a 5xx is worth a line in the log."""
    if error.status >= 500 and error.is_logged:
        log.warning("request_failed", error_code=error.code, path=request.path, cause=repr(error.__cause__))
    return problem_response(error)


def handle_http_exception(error: HTTPException) -> Response:
    """Answer werkzeug's errors in our shape; redirects pass as they are."""
    if error.code is not None and error.code < 400:
        return Response(status=error.code, headers=dict(error.get_headers()))
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    return problem_response(from_http_exception(error))


def handle_redis_error(error: Exception) -> Response:
    """Redis did not answer where the request could not do without it."""
    unavailable = Unavailable()
    unavailable.__cause__ = error
    return handle_api_error(unavailable)


def handle_unexpected(error: Exception) -> Response:
    """A fault of ours: the cause to the log, nothing of it to the caller."""
    log.error("unexpected_error", path=request.path, exc_info=error)
    return problem_response(ApiError())


def install(app: Flask) -> None:
    """Make every error of ``app`` a problem document."""
    app.register_error_handler(ApiError, handle_api_error)
    app.register_error_handler(HTTPException, handle_http_exception)
    app.register_error_handler(RedisConnectionError, handle_redis_error)
    app.register_error_handler(RedisTimeoutError, handle_redis_error)
    app.register_error_handler(Exception, handle_unexpected)
