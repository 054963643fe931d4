"""What another service answers reaches the caller: refusals that are the caller's, and no fault of ours."""

from collections.abc import Callable

import httpx
import pytest

from shared.chassis import errors
from shared.chassis.errors import ApiError, problem_response
from shared.chassis.internal_client import InternalClient, ServiceUnavailable
from shared.chassis.settings import ProcessSettings
from shared.chassis.testing.tokens import SECRET
from shared.contracts.internal import DeletionBody, InternalBody
from tests.chassis.conftest import Mini

Answer = Callable[[httpx.Request], httpx.Response]
PATH = "/internal/accounts/1/deletion"
MOMENT = "2026-12-01T10:00:00Z"


class Asked(InternalBody):
    """A body of ours."""

    password: str = "secret"


def client(answer: Answer) -> InternalClient:
    settings = ProcessSettings(
        jwt_secret_key=SECRET, redis_url="redis://127.0.0.1:1", public_url="http://127.0.0.1:8080"
    )
    return InternalClient(
        settings, process="users", base_url="http://auth", transport=httpx.MockTransport(answer)
    )


def answering(error: ApiError, mini: Mini) -> Answer:
    """auth, answering with this error as every process does."""
    with mini.app.test_request_context():
        response = problem_response(error)
    return lambda _request: httpx.Response(
        response.status_code, headers=list(response.headers), content=response.get_data()
    )


CALLS: list[Callable[[InternalClient], object]] = [
    lambda peer: peer.get(PATH, DeletionBody),
    lambda peer: peer.post(PATH, Asked(), DeletionBody),
    lambda peer: peer.post_only(PATH, Asked()),
    lambda peer: list(peer.stream_lines(PATH)),
]


def refusals(error: ApiError, mini: Mini) -> list[ApiError]:
    """What our caller is told, by whichever call."""
    told = []
    for call in CALLS:
        with pytest.raises(ApiError) as raised:
            call(client(answering(error, mini)))
        told.append(raised.value)
    return told


def unauthorized(code: str) -> ApiError:
    error = errors.Unauthorized("That is not it.")
    error.code = code
    return error


@pytest.mark.parametrize(
    "error",
    [
        unauthorized("wrong_password"),
        errors.Forbidden("Not you."),
        errors.NotFound(),
        errors.Conflict(),
        errors.InvalidRequest.at("/password", "Too short."),
        errors.TooManyRequests(retry_after_seconds=77),
    ],
    ids=lambda error: type(error).__name__,
)
def test_refusal_of_the_caller_reaches_him_as_it_is(mini: Mini, error: ApiError) -> None:
    for told in refusals(error, mini):
        assert (told.status, told.code, told.text, told.errors) == (
            error.status,
            error.code,
            error.text,
            error.errors,
        )
        assert told.headers == error.headers
        assert type(told) is type(error)


@pytest.mark.parametrize(
    "error",
    [
        unauthorized("service_token_invalid"),
        errors.ApiError(),
        errors.Unavailable(),
        errors.Unavailable(headers={"Retry-After": "9"}),
    ],
)
def test_fault_between_services_is_no_refusal_of_the_caller(mini: Mini, error: ApiError) -> None:
    for told in refusals(error, mini):
        assert isinstance(told, ServiceUnavailable)
        assert told.headers["Retry-After"] == error.headers.get("Retry-After", "2")


@pytest.mark.parametrize(
    ("status", "headers", "content", "kind"),
    [
        (403, {}, b"<html>", errors.Forbidden),
        (403, {"Content-Type": errors.PROBLEM_TYPE}, b"{", errors.Forbidden),
        (403, {"Content-Type": errors.PROBLEM_TYPE}, b"[1]", errors.Forbidden),
        (403, {"Content-Type": errors.PROBLEM_TYPE}, b'{"code": 7, "detail": []}', errors.Forbidden),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", errors.TooManyRequests),
        (400, {}, b"", ServiceUnavailable),
        (302, {"Location": "/"}, b"", ServiceUnavailable),
        (200, {}, b"{}", ServiceUnavailable),
        (200, {}, b"no JSON", ServiceUnavailable),
    ],
)
def test_answer_that_nobody_expected_is_an_error_and_never_a_crash(
    status: int, headers: dict[str, str], content: bytes, kind: type[ApiError]
) -> None:
    peer = client(lambda _request: httpx.Response(status, headers=headers, content=content))

    with pytest.raises(kind) as raised:
        peer.get(PATH, DeletionBody)

    assert raised.value.code == kind.code


def test_long_wait_is_bounded() -> None:
    peer = client(lambda _request: httpx.Response(429, headers={"Retry-After": "999999999"}))

    with pytest.raises(errors.TooManyRequests) as raised:
        peer.post_only(PATH, Asked())

    assert raised.value.headers["Retry-After"] == "86400"


def test_post_gives_the_body_that_was_answered() -> None:
    peer = client(lambda _request: httpx.Response(200, json={"deletes_at": MOMENT}))

    assert peer.post(PATH, Asked(), DeletionBody) == DeletionBody.model_validate({"deletes_at": MOMENT})


def test_service_that_is_away_is_unavailable() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    for call in CALLS:
        with pytest.raises(ServiceUnavailable):
            call(client(away))
