"""The order of the policies: what costs nothing comes first."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway import route_file
from gateway.exchange import Exchange
from gateway.limits.limiter import RouteLimiter
from gateway.messages import Message
from gateway.pipeline import Pipeline
from gateway.policies.access import AccessPolicy, AccessRule
from gateway.policies.limits import LimitsOfCaller, LimitsOfPlace
from gateway.policies.policy import Policy, descriptions
from gateway.resources import Resources
from shared.chassis import tracing
from shared.chassis.access_tokens import TokenInvalid, TokenMissing
from shared.chassis.errors import ApiError, TooManyRequests

TABLE = route_file.parse(
    Path("routes.toml"),
    """
[upstreams.u]
urls = ["http://u"]
[limits.caller]
quota = 2
window_seconds = 60
by = "caller"
[limits.address]
quota = 3
window_seconds = 60
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
limits = ["caller", "address"]
""",
    {},
)


class NoToken:
    """Takes the place of the tokens: counts how often one is looked at, and finds none good."""

    def __init__(self) -> None:
        self.looks = 0

    def identify(self, _authorization: bytes) -> None:
        self.looks += 1
        raise TokenInvalid

    def recall(self, _authorization: bytes) -> None:
        """Nothing is remembered."""


@pytest.fixture
def no_token() -> NoToken:
    return NoToken()


@pytest.fixture
def pipeline(no_token: NoToken) -> Pipeline:
    parts: Any = SimpleNamespace()
    limiter = RouteLimiter("redis://127.0.0.1:1/0", timeout_seconds=0.01, workers=1)
    resources = Resources(
        limiter, cast("Any", no_token), keys=parts, api_keys=parts, callers=parts, hints=parts
    )
    return Pipeline(TABLE, {}, resources=resources, open_streams=parts, access_log=parts)


def exchange() -> Exchange:
    """A request with a token to the route."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"method": "GET", "headers": [], "raw_path": b"/x"}
    trace = tracing.continue_from(None, None)
    match = TABLE.find("localhost", "GET", b"/x")
    exchange = Exchange(scope, receive, trace)
    exchange.match, exchange.address, exchange.authorization = match, "203.0.113.9", b"Bearer x"
    return exchange


async def outcome(pipeline: Pipeline) -> str:
    """The code that the next request is refused with, and the limit that did if one did."""
    try:
        await pipeline.answer(exchange())
    except TooManyRequests as refusal:
        return str(refusal.members["violated-policies"])
    except ApiError as refusal:
        return refusal.code
    return "answered"


async def test_a_limited_address_has_no_token_looked_at(pipeline: Pipeline, no_token: NoToken) -> None:
    outcomes = [await outcome(pipeline) for _ in range(2)]
    by_caller = [await outcome(pipeline) for _ in range(3)]
    looks = no_token.looks

    assert outcomes == ["token_invalid"] * 2
    assert by_caller == ["['caller']"] * 3  # what a later limit refuses, the earlier ones are given back
    assert looks == 5


async def test_limits_of_the_place_come_before_the_look_at_a_token(
    pipeline: Pipeline, no_token: NoToken
) -> None:
    (limit,) = [limit for limit in TABLE.matches[0].limits if not limit.is_of_caller]
    for _ in range(limit.quota):
        await pipeline.resources.limiter.admit(exchange(), (limit,))

    assert await outcome(pipeline) == "['address']"
    assert no_token.looks == 0


async def test_nobody_passes_an_access_rule_unidentified(pipeline: Pipeline) -> None:
    unknown = exchange()
    unknown.resources = pipeline.resources

    with pytest.raises(TokenMissing):
        AccessPolicy(AccessRule()).check(unknown)
    AccessPolicy(AccessRule(kind="public")).check(unknown)


def test_a_policy_that_acts_twice_is_described_once() -> None:
    limits = {limit.name: limit for limit in TABLE.matches[0].limits}
    policies = [LimitsOfPlace([limits["address"]]), Policy(), LimitsOfCaller([limits["caller"]])]

    assert descriptions(policies) == {"limits": "address: 3 in 60 s by address; caller: 2 in 60 s by caller"}
