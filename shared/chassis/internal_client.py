"""Calls from one service to another: httpx with timeouts, a service token, the trace, and our errors."""

from collections.abc import Iterator
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from shared.chassis import errors, remote_problems, service_tokens, tracing
from shared.chassis.settings import ProcessSettings
from shared.contracts.internal import InternalBody

Body = TypeVar("Body", bound=InternalBody)

TIMEOUT = httpx.Timeout(5.0, connect=1.0, pool=1.0)
LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=15)


class ServiceUnavailable(errors.Unavailable):
    """Another service did not answer, or its answer was not valid."""

    code = "service_unavailable"
    detail = "A service that this needs does not answer; try again shortly."


class InternalClient:
    """The client of one peer service; one per process, made on first use (after any fork)."""

    def __init__(
        self,
        settings: ProcessSettings,
        *,
        process: str,
        base_url: str,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._process = process
        self._client = httpx.Client(
            base_url=base_url,
            timeout=TIMEOUT,
            limits=LIMITS,
            transport=transport,
            trust_env=False,
            follow_redirects=False,
        )

    def get(self, path: str, body: type[Body]) -> Body:
        """What GET ``path`` answers; raises the error that the service answered, or ServiceUnavailable."""
        return _read(self._send("GET", path), body)

    def post(self, path: str, content: InternalBody, body: type[Body]) -> Body:
        """What POST ``path`` with ``content`` answers; errors as for get."""
        return _read(self._send("POST", path, json=content.model_dump(mode="json")), body)

    def post_only(self, path: str, content: InternalBody) -> None:
        """POST ``content`` to ``path``, whose answer has no body; errors as for get."""
        self._send("POST", path, json=content.model_dump(mode="json"))

    def stream_lines(self, path: str) -> Iterator[bytes]:
        """The lines that GET ``path`` answers, as they come; errors as for get, while it is read too."""
        try:
            with self._client.stream("GET", path, headers=self._headers()) as response:
                if not response.is_success:
                    response.read()
                    raise _error_of(response, "GET")
                for line in response.iter_lines():
                    yield line.encode()
        except httpx.HTTPError as error:
            raise ServiceUnavailable from error

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, headers=self._headers(), **options)
        except httpx.HTTPError as error:
            raise ServiceUnavailable from error
        if not response.is_success:
            raise _error_of(response, method)
        return response

    def _headers(self) -> dict[str, str]:
        token = service_tokens.issue(self._settings, process=self._process)
        return {"Authorization": f"Bearer {token}", **tracing.current_headers()}


def _error_of(response: httpx.Response, method: str) -> errors.ApiError:
    """What the service refused; ServiceUnavailable where that is none of the caller's."""
    error = remote_problems.error_of(response) or ServiceUnavailable(
        headers=remote_problems.retry_after(response)
    )
    error.__cause__ = ValueError(f"{method} answered {response.status_code}")
    return error


def _read(response: httpx.Response, body: type[Body]) -> Body:
    try:
        return body.model_validate_json(response.content)
    except ValidationError as error:
        raise ServiceUnavailable from error
