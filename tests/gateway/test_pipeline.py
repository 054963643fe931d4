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
from gateway.tokens import Identity
from shared.chassis import tracing
from shared.chassis.access import Caller
from shared.chassis.access_tokens import TokenInvalid, TokenMissing
from shared.chassis.errors import ApiError, TooManyRequests
from shared.chassis.ids import new_id

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


class GoodToken:
    """Takes the place of the tokens: finds every one good, and notes which are to be remembered."""

    def __init__(self) -> None:
        account, session = new_id(), new_id()
        caller = Caller(account, session, roles=frozenset(), scopes=None, claims={})
        self.identity = Identity(b"x", caller, str(session), str(account), issued_at=0, expires_at=0)
        self.remembered: list[Identity] = []

    def identify(self, _authorization: bytes) -> Identity:
        return self.identity

    def recall(self, _authorization: bytes) -> None:
        """Nothing is remembered."""

    def remember(self, identity: Identity) -> None:
        self.remembered.append(identity)


@pytest.fixture
def no_token() -> NoToken:
    return NoToken()


@pytest.fixture
def pipeline(no_token: NoToken) -> Pipeline:
    return pipeline_with(no_token)


def pipeline_with(tokens: object) -> Pipeline:
    parts: Any = SimpleNamespace()
    limiter = RouteLimiter("redis://127.0.0.1:1/0", timeout_seconds=0.01, workers=1)
    resources = Resources(
        limiter, cast("Any", tokens), keys=parts, api_keys=parts, callers=parts, hints=parts
    )
    return Pipeline(TABLE, {}, resources=resources, open_streams=parts, access_log=parts)


def exchange(method: str = "GET") -> Exchange:
    """A request with a token to the route."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"method": method, "headers": [(b"max-forwards", b"0")], "raw_path": b"/x"}
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


async def test_token_of_a_request_that_is_admitted_is_remembered() -> None:
    tokens = GoodToken()

    answer = await pipeline_with(tokens).answer(exchange("OPTIONS"))

    assert answer.status_code == 204  # told here what the route takes, since no service is asked
    assert tokens.remembered == [tokens.identity]


@pytest.mark.parametrize("name", ["caller", "address"])
async def test_token_of_a_request_that_a_limit_refuses_is_not_remembered(name: str) -> None:
    tokens = GoodToken()
    pipeline = pipeline_with(tokens)
    (limit,) = [limit for limit in TABLE.matches[0].limits if limit.name == name]
    for _ in range(limit.quota):
        known = exchange()
        known.caller = tokens.identity.caller
        await pipeline.resources.limiter.admit(known, (limit,))

    assert await outcome(pipeline) == f"['{name}']"
    assert tokens.remembered == []


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
