"""OPTIONS that end at the gateway."""

import httpx
import pytest

from tests.gateway.echo import Upstream

SIGNED_IN = "/api/v1/overview"


def test_options_of_a_route_with_parts_ask_no_service(
    client: httpx.Client, upstream: Upstream, signed_in: dict[str, str]
) -> None:
    answer = client.options(SIGNED_IN, headers=signed_in)

    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("hops", "passed_on"), [("3", "2"), ("1", "0"), ("x", "x"), ("9" * 5000, "9" * 5000)]
)
def test_a_hop_is_counted(client: httpx.Client, upstream: Upstream, hops: str, passed_on: str) -> None:
    client.options("/api/v1/auth/x", headers={"Max-Forwards": hops})

    (request,) = upstream.requests
    assert request.value("max-forwards") == passed_on


def test_the_last_hop_answers(client: httpx.Client, upstream: Upstream) -> None:
    answer = client.options("/api/v1/auth/login", headers={"Max-Forwards": "0"})

    assert (answer.status_code, answer.headers["allow"]) == (204, "OPTIONS, POST")
    assert upstream.requests == []


def test_max_forwards_of_other_methods_is_passed_on(client: httpx.Client, upstream: Upstream) -> None:
    client.get("/api/v1/auth/x", headers={"Max-Forwards": "0"})

    (request,) = upstream.requests
    assert request.value("max-forwards") == "0"
