"""The order in which policies act: what costs nothing first, and who calls before what that caller may do."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.messages import RawHeaders
from gateway.policies.access import AccessPolicy
from gateway.policies.body import BodyPolicy
from gateway.policies.browser_sessions import BrowserSessions
from gateway.policies.caller import CallerPolicy
from gateway.policies.cors import CorsPolicy
from gateway.policies.header_fields import HeaderPolicy
from gateway.policies.limits import Limit, LimitsOfCaller, LimitsOfPlace
from gateway.policies.options import OptionsPolicy
from gateway.policies.policy import Checked, Policy
from gateway.policies.unmatched import UnmatchedPolicy
from gateway.policies.websocket import WebSocketPolicy
from gateway.route import Route

if TYPE_CHECKING:
    from gateway.exchange import Exchange

Check = Callable[["Exchange"], Checked]
Finish = Callable[["Exchange", RawHeaders], None]


def of_route(
    route: Route,
    *,
    limits: Sequence[Limit],
    guesses: Sequence[Limit],
    cors: CorsPolicy | None,
    fields: HeaderPolicy,
    methods: Iterable[str],
    own: Sequence[Policy],
) -> tuple[Policy, ...]:
    """The policies of a route; ``guesses`` limit who tries API keys, ``own`` are a team's."""
    of_caller = [limit for limit in limits if limit.is_of_caller]
    of_place = [limit for limit in limits if not limit.is_of_caller]
    is_public = route.access.is_public
    return (
        *([cors] if cors is not None else []),
        *([WebSocketPolicy(route.websocket, cors)] if route.websocket is not None else []),
        BrowserSessions(cors, upstream=route.upstream, is_public=is_public),
        LimitsOfPlace(of_place),
        CallerPolicy(route.access, guesses),
        *([LimitsOfCaller(of_caller)] if of_caller else []),
        AccessPolicy(route.access),
        *([fields] if fields.describe() else []),
        *own,
        OptionsPolicy(methods, has_parts=bool(route.parts)),
        BodyPolicy(route.max_body_bytes),
    )


def of_unmatched(limits: Sequence[Limit], cors: CorsPolicy | None) -> tuple[Policy, ...]:
    """The policies of requests that no route takes."""
    return (*([cors] if cors is not None else []), LimitsOfPlace(limits), UnmatchedPolicy())


class Acting:
    """Policies at work: those that check, and those that finish."""

    __slots__ = ("checks", "finishes", "policies")

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies
        self.checks: tuple[Check, ...] = tuple(
            policy.check for policy in policies if type(policy).check is not Policy.check
        )
        self.finishes: tuple[Finish, ...] = tuple(
            policy.finish for policy in policies if type(policy).finish is not Policy.finish
        )
