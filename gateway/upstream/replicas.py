"""The replicas of one service, and which of them the next request goes to."""

import asyncio
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from gateway.policies import Upstream
from gateway.upstream import faults
from gateway.upstream.breaker import Breaker
from gateway.upstream.budget import RetryBudget
from gateway.upstream.pool import Pool
from gateway.upstream.tls import Tls, new_context

DEFAULT_PORTS = {"http": 80, "https": 443}
RESOLVE_SECONDS = 5.0


class Replica:
    """One address that answers for the service."""

    def __init__(
        self, host: str, port: int, weight: int, authority: str, *, is_probed: bool, tls: Tls | None = None
    ) -> None:
        self.weight = weight
        self.authority = authority.encode()
        self.pool = Pool(host, port, tls=tls)
        self.breaker = Breaker()
        self.outstanding = 0
        # What the last active probe said; None before the first.
        self.is_healthy: bool | None = None if is_probed else True

    @property
    def key(self) -> "ReplicaKey":
        """What tells this replica from the others."""
        tls = self.pool.tls
        return self.pool.host, self.pool.port, tls.server_name if tls else None

    @property
    def load(self) -> float:
        """How busy it is for its weight."""
        return self.outstanding / self.weight


ReplicaKey = tuple[str, int, str | None]  # address, port, and the name that its certificate must be for


class Full(Exception):
    """As many requests are under way to the service as it may have."""


class Service:
    """An upstream at work: its replicas, their load, and the budget for retries."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.name = upstream.name
        self.replicas: list[Replica] = []
        self.retry_budget = RetryBudget()
        self.outstanding = 0
        self._turn = 0
        authorities = upstream.ca_file.certificates if upstream.ca_file else None
        self._tls_context = new_context(authorities) if upstream.is_encrypted else None

    def choose(self, avoid: Iterable[Replica] = ()) -> Replica:
        """The least busy replica that can be expected to answer; raises Full or ConnectFault.

        Where none can be expected to, all are tried: a health check that is wrong about everybody must
        not make an outage of it (Envoy's panic threshold).
        """
        if self.outstanding >= self.upstream.most_outstanding:
            raise Full
        if not self.replicas:
            raise faults.NameFault(self.name)
        if len(self.replicas) == 1:
            return self.replicas[0]
        avoided = set(avoid)
        expected = [one for one in self.replicas if one.is_healthy and one.breaker.is_closed()]
        for candidates in (expected, self.replicas):
            fresh = [one for one in candidates if one not in avoided]
            if fresh:
                return self._least_busy(fresh)
        return self._least_busy(self.replicas)

    def _least_busy(self, candidates: list[Replica]) -> Replica:
        self._turn += 1
        offset = self._turn % len(candidates)
        return min(candidates[offset:] + candidates[:offset], key=lambda one: one.load)

    def refuses(self) -> bool:
        """Whether every replica's breaker is open: no use in trying now."""
        for replica in self.replicas:
            if replica.breaker.allows():
                return False
        return bool(self.replicas)

    async def resolve(self) -> None:
        """Look the addresses up: every address of a name is a replica, known ones keep their state."""
        known = {replica.key: replica for replica in self.replicas}
        found: dict[ReplicaKey, Replica] = {}
        is_probed = self.upstream.health_path is not None
        for entry in self.upstream.urls:
            parts = urlsplit(entry.url)
            host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
            tls = self._tls_towards(parts.scheme, host)
            for address in await _addresses(host, port):
                key = (address, port, tls.server_name if tls else None)
                found[key] = known.get(key) or Replica(
                    address, port, entry.weight, parts.netloc, is_probed=is_probed, tls=tls
                )
        if not found:
            return  # the name service may be down: the addresses of before are the best guess
        for key in known.keys() - found.keys():
            known[key].pool.close()
        self.replicas = list(found.values())

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
