"""Active health: every replica is asked on its own, names are looked up again, idle connections let go."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from email.utils import mktime_tz, parsedate_tz
from functools import partial
from time import time

from gateway import measures
from gateway.background import keep_running
from gateway.upstream import faults
from gateway.upstream.framing import ResponseHead
from gateway.upstream.replicas import Replica, Service
from shared.chassis.logs import get_logger

PROBE_SECONDS = 2.0
# A replica that is down is asked more often, so that its return is noticed soon.
RETURN_SECONDS = 1.0
FIRST_LOOK_SECONDS = 1.0
SAME_CLOCK_SECONDS = 3.0

log = get_logger(__name__)


class Health:
    """Looks after the services of one worker."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._services = list(services)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Resolve and probe once, then go on in the background."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_SECONDS):
                await asyncio.gather(*(look(service) for service in self._services))
        self._tasks = [
            keep_running(partial(_watch, service), name=f"health of {service.name}")
            for service in self._services
        ]

    async def stop(self) -> None:
        """Stop looking, end the idle connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for service in self._services:
            service.close()


async def _watch(service: Service) -> None:
    while True:
        is_well = bool(service.replicas) and all(
            replica.is_healthy and replica.breaker.is_closed() for replica in service.replicas
        )
        usual = service.upstream.health_interval_seconds
        await asyncio.sleep(usual if is_well else min(usual, RETURN_SECONDS))
        await look(service)


async def look(service: Service) -> None:
    """Resolve the service's name and probe its replicas once."""
    await service.resolve()
    for replica in service.replicas:
        replica.pool.sweep()
    path = service.upstream.health_path
    if path is not None:
        await asyncio.gather(*(_judge(service, replica, path) for replica in service.replicas))
    measures.REPLICAS_HEALTHY.labels(service.name).set(sum(bool(one.is_healthy) for one in service.replicas))
    measures.BREAKERS_OPEN.labels(service.name).set(
        sum(not one.breaker.is_closed() for one in service.replicas)
    )


async def _judge(service: Service, replica: Replica, path: str) -> None:
    was_healthy = replica.is_healthy
    try:
        head = await _probe(replica, path)
        replica.is_healthy, said = head.status < 500, f"status {head.status}"
        replica.clock_ahead = clock_ahead(head, time())
    except faults.UpstreamFault as fault:
        replica.is_healthy, said = False, fault.proxy_status
    if replica.is_healthy and (was_healthy is False or replica.breaker.is_refusing):
        replica.breaker.half_open()
    if replica.is_healthy != (was_healthy is not False):
        address = f"{replica.pool.host}:{replica.pool.port}"
        _report(replica, upstream=service.name, address=address, said=said)
    replica.was_there = replica.was_there or replica.is_healthy


def _report(replica: Replica, **fields: str) -> None:
    """A warning where a replica goes away; one that has never been there is still starting."""
    if replica.is_healthy:
        log.info("replica_came_back" if replica.was_there else "replica_came_up", **fields)
    elif replica.was_there:
        log.warning("replica_went_away", **fields)
    else:
        log.info("replica_not_there_yet", **fields)


def clock_ahead(head: ResponseHead, now: float) -> float:
    """By how much the clock of who answered is ahead, where Date's whole seconds do not explain it."""
    date = next((value for name, value in head.headers if name == b"date"), b"")
    try:
        moment = parsedate_tz(date.decode("latin-1"))
        ahead = 0.0 if moment is None else mktime_tz(moment) - now
    except (ValueError, OverflowError):  # of a day that no calendar has
        return 0.0
    return ahead if abs(ahead) > SAME_CLOCK_SECONDS else 0.0


async def _probe(replica: Replica, path: str) -> ResponseHead:
    connection = await replica.pool.connect(PROBE_SECONDS)
    try:
        head = b"GET %b HTTP/1.1\r\nhost: %b\r\nconnection: close\r\n\r\n" % (
            path.encode(),
            replica.authority,
        )
        connection.begin(b"GET", head)
        return await connection.head(PROBE_SECONDS)
    finally:
        connection.abort()
