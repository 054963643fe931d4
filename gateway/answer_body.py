"""The body of a replica's answer, read when the client has taken what came before."""

from time import monotonic

from gateway.attempt import Attempt
from gateway.messages import ResponseBroken
from gateway.upstream import faults
from shared.chassis.logs import get_logger

log = get_logger(__name__)

SLOW_SECONDS = 1.0  # a client that takes less has not kept the upstream waiting


class AnswerBody:
    """What is left of it; it ends the attempt when nobody reads on."""

    __slots__ = ("_attempt", "_client_seconds", "_given_at", "_is_cut", "_upstream_seconds")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._is_cut = False
        self._given_at = monotonic()
        self._client_seconds = 0.0  # that the client took
        self._upstream_seconds = 0.0  # that the upstream took

    async def read(self) -> bytes:
        """The next piece; a body that breaks off must not look complete."""
        if self._is_cut:
            raise ResponseBroken
        began = monotonic()
        self._client_seconds += began - self._given_at
        try:
            return await self._read_since(began)
        except faults.UpstreamFault as fault:
            if not self._is_cut:
                self._note(fault)
            raise ResponseBroken from fault

    async def _read_since(self, began: float) -> bytes:
        try:
            return await self._attempt.connection.read(self._attempt.patience)
        finally:
            self._given_at = monotonic()
            self._upstream_seconds += self._given_at - began

    def _note(self, fault: faults.UpstreamFault) -> None:
        service = self._attempt.service.name
        if self._is_client_slow:
            log.info("client_too_slow", upstream=service, fault=fault.proxy_status)
            return
        log.warning("upstream_broke_off", upstream=service, fault=fault.proxy_status)
        self._attempt.failed(fault)

    @property
    def _is_client_slow(self) -> bool:
        """Whether the time went to the client: what a slow reader brings about is no fault of the replica."""
        return self._client_seconds > max(SLOW_SECONDS, self._upstream_seconds)

    def cut(self) -> None:
        """Send no more of it; who waits for the next piece hears of it at once."""
        self._is_cut = True
        self._attempt.connection.abort()

    def close(self) -> None:
        """The client has it all, or has gone: either way the upstream owes nothing more."""
        self._attempt.end()
