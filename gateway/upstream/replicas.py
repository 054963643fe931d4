"""The replicas of one service, and which of them the next request goes to."""

import asyncio
import socket
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from gateway.upstream import balancing, faults
from gateway.upstream.breaker import Breaker
from gateway.upstream.budget import RetryBudget
from gateway.upstream.pool import Pool
from gateway.upstream.table import Upstream, WeightedUrl
from gateway.upstream.tls import Tls, new_context

DEFAULT_PORTS = {"http": 80, "https": 443}
RESOLVE_SECONDS = 5.0


class Replica:
    """One address that answers for the service."""

    def __init__(
        self, host: str, port: int, *, entry: WeightedUrl, upstream: Upstream, tls: Tls | None = None
    ) -> None:
        self.url = entry.url  # whose name led to the address
        self.weight = entry.weight
        self.authority = urlsplit(entry.url).netloc.encode()
        self.pool = Pool(host, port, tls=tls, idle_seconds=upstream.keep_alive_seconds)
        self.breaker = Breaker()
        self.outstanding = 0
        self.clock_ahead = 0.0  # seconds by which its clock is ahead of ours
        self.credit = 0.0  # what the choice between replicas owes it
        # What the last active probe said; None before the first.
        self.is_healthy: bool | None = None if upstream.health_path is not None else True
        self.was_there = False  # whether any active probe was answered well

    @property
    def key(self) -> "ReplicaKey":
        """What tells this replica from the others."""
        tls = self.pool.tls
        return self.pool.host, self.pool.port, tls.server_name if tls else None


ReplicaKey = tuple[str, int, str | None]  # address, port, and the name that its certificate must be for


class Service:
    """An upstream at work: its replicas, their load, and the budget for retries."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.name = upstream.name
        self.replicas: list[Replica] = []
        self.retry_budget = RetryBudget()
        self.outstanding = 0
        authorities = upstream.ca_file.certificates if upstream.ca_file else None
        self._tls_context = new_context(authorities) if upstream.is_encrypted else None

    def choose(self, avoid: Collection[Replica] = ()) -> Replica:
        """The replica for the next request; raises Full, NameFault or AllOpen.

        Where a health check failed at all of them, all are tried: a check that is wrong about everybody must
        not make an outage of it (Envoy's panic threshold).
        """
        if self.outstanding >= self.upstream.most_outstanding:
            raise faults.Full
        if not self.replicas:
            raise faults.NameFault(self.name)
        if len(self.replicas) == 1 and self.replicas[0].breaker.allows():
            return self.replicas[0]
        allowed = [replica for replica in self.replicas if replica.breaker.allows()]
        if not allowed:
            raise faults.AllOpen
        if len(allowed) == 1:
            return allowed[0]
        fresh = [replica for replica in allowed if replica not in avoid] or allowed
        return balancing.choose([replica for replica in fresh if replica.is_healthy] or fresh)

    def has_other(self, tried: Collection[Replica]) -> bool:
        """Whether there is a replica beside those that were tried."""
        return any(replica not in tried and replica.breaker.allows() for replica in self.replicas)

    async def resolve(self) -> None:
        """Look the addresses up: every address of a name is a replica, known ones keep their state."""
        known = {replica.key: replica for replica in self.replicas}
        found: dict[ReplicaKey, Replica] = {}
        for entry in self.upstream.urls:
            for replica in await self._at(entry, known):
                found[replica.key] = replica
        for key in known.keys() - found.keys():
            known[key].pool.close()
        self.replicas = list(found.values())

    async def _at(self, entry: WeightedUrl, known: Mapping[ReplicaKey, Replica]) -> list[Replica]:
        parts = urlsplit(entry.url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
        tls = self._tls_towards(parts.scheme, host)
        addresses = await _addresses(host, port)
        if not addresses:
            # The name service may be down: the addresses of before are the best guess.
            return [replica for replica in known.values() if replica.url == entry.url]
        return [
            known.get((address, port, tls.server_name if tls else None))
            or Replica(address, port, entry=entry, upstream=self.upstream, tls=tls)
            for address in addresses
        ]

    def _tls_towards(self, scheme: str, host: str) -> Tls | None:
        return Tls(self._tls_context, host) if scheme == "https" and self._tls_context else None

    def close(self) -> None:
        """End the idle connections."""
        for replica in self.replicas:
            replica.pool.close()


async def _addresses(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return []
    return sorted({str(entry[4][0]) for entry in found})
