"""What ``/readyz`` looks at: Redis as limits and deny-set see it, the keys of tokens, and each service."""

from collections.abc import Callable, Mapping

from gateway.limits.limiter import RouteLimiter
from gateway.revocations import Revocations
from gateway.token_keys import TokenKeys
from gateway.upstream.replicas import Service
from shared.chassis.health import Check


class Drain:
    """Whether this process has been told to stop: it answers on for a while, and says so."""

    has_begun = False


class Down(Exception):
    """Something that the gateway needs is down."""


def checks(
    limiter: RouteLimiter,
    revocations: Revocations,
    keys: TokenKeys,
    services: Mapping[str, Service],
    drain: Drain,
) -> dict[str, Check]:
    """The checks by name. They read what is known, and ask nobody: a probe must not cost others anything."""

    return {
        "accepting": _check(lambda: not drain.has_begun, "this process is about to stop"),
        "rate_limits": _check(lambda: not limiter.is_degraded, "each worker counts for itself"),
        "revocations": _check(lambda: revocations.is_current, "revocations do not arrive"),
        "tokens": _check(lambda: keys.is_known, "auth has not shown its public keys yet"),
        **{name: _service_check(service) for name, service in services.items() if service.upstream.required},
    }


def optional_checks(services: Mapping[str, Service]) -> dict[str, Check]:
    """The services without which the gateway is ready all the same; ``/readyz`` lists them."""
    return {
        name: _service_check(service) for name, service in services.items() if not service.upstream.required
    }


def _service_check(service: Service) -> Check:
    return _check(
        lambda: any(replica.is_healthy for replica in service.replicas),
        f"no replica of {service.name} is healthy",
    )


def _check(is_well: Callable[[], bool], sentence: str) -> Check:
    def check() -> None:
        if not is_well():
            raise Down(sentence)

    return check


def is_well(check: Check) -> bool:
    """Whether ``check`` passes."""
    try:
        check()
    except Down:
        return False
    return True
