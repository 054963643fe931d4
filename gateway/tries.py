"""The attempts that one request is worth: which replica is next, and when it is enough."""

from time import monotonic

from gateway import measures
from gateway.attempt import Attempt
from gateway.upstream import faults
from gateway.upstream.replicas import Replica, Service


class Tries:
    """The attempts of one request to one service."""

    __slots__ = (
        "_deadline",
        "_is_repeatable",
        "_is_repeated",
        "_most",
        "_read_seconds",
        "_service",
        "_tried",
    )

    def __init__(
        self, service: Service, *, deadline: float, read_seconds: float, most: int, is_repeatable: bool
    ) -> None:
        self._service = service
        self._deadline = deadline
        self._read_seconds = read_seconds
        self._most = most  # more attempts than one, where there is no other replica to try
        self._is_repeatable = is_repeatable  # whether it may be sent a second time
        self._is_repeated = False
        self._tried: list[Replica] = []
        service.retry_budget.earn()

    def begin(self) -> Attempt:
        """The next attempt; raises Full, NameFault or AllOpen."""
        replica = self._service.choose(avoid=self._tried)
        return Attempt(self._service, replica, deadline=self._deadline, read_seconds=self._read_seconds)

    def take_warm_connection(self, attempt: Attempt) -> bool:
        """Have the first attempt use a connection that is there; False if none is, or it is another."""
        if self._tried:
            return False
        pool = attempt.replica.pool
        warm = pool.take_idle() if self._is_repeatable else pool.take_silent()
        if warm is None:
            return False
        attempt.connection = warm
        return True

    def may_go_on(self, attempt: Attempt, fault: faults.UpstreamFault) -> bool:
        """Whether another attempt is to follow the one that failed; pays for it where it adds to the load."""
        self._tried.append(attempt.replica)
        if fault.is_timeout or self._deadline <= monotonic() or not self._is_worth(fault):
            return False
        measures.RETRIES.labels(self._service.name).inc()
        return True

    def _is_worth(self, fault: faults.UpstreamFault) -> bool:
        if not fault.is_sent and self._service.has_other(self._tried):
            return True  # another replica costs the service nothing: the first has heard nothing of it
        if len(self._tried) > self._most or not self._may_send(fault):
            return False
        return self._service.retry_budget.spend()

    def _may_send(self, fault: faults.UpstreamFault) -> bool:
        """Whether it may be sent now: a second time only if it does no harm, and never a third time."""
        if not fault.is_sent:
            return True
        may = self._is_repeatable and not self._is_repeated and isinstance(fault, faults.ConnectionEnded)
        self._is_repeated = True
        return may
