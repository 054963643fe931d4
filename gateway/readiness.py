"""What ``/readyz`` looks at: Redis as limits and deny-set see it, and each service behind the routes."""

from collections.abc import Mapping

from gateway.limits.limiter import Limiter
from gateway.revocations import Revocations
from gateway.upstream.replicas import Service
from shared.chassis.health import Check


class Drain:
    """Whether this process has been told to stop: it answers on for a while, and says so."""

    has_begun = False


class Down(Exception):
    """Something that the gateway needs is down."""


def checks(
    limiter: Limiter, revocations: Revocations, services: Mapping[str, Service], drain: Drain
) -> dict[str, Check]:
    """The checks by name. They read what is known, and ask nobody: a probe must not cost others anything."""

    def accepting() -> None:
        if drain.has_begun:
            raise Down("this process is about to stop")

    def limits() -> None:
        if limiter.is_degraded:
            raise Down("each worker counts for itself")

    def deny_set() -> None:
        if not revocations.is_current:
            raise Down("revocations are not heard")

    named: dict[str, Check] = {"accepting": accepting, "rate_limits": limits, "revocations": deny_set}
    for name, service in services.items():
        named[name] = _service_check(service)
    return named


def _service_check(service: Service) -> Check:
    def check() -> None:
        if not any(replica.is_healthy for replica in service.replicas):
            raise Down(f"no replica of {service.name} is healthy")

    return check


def is_well(check: Check) -> bool:
    """Whether ``check`` passes."""
    try:
        check()
    except Down:
        return False
    return True
