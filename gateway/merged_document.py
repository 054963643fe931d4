"""The OpenAPI document for the whole backend, asked for again now and then."""

import asyncio
from collections.abc import Mapping
from time import monotonic

from gateway.fetch import fetch
from gateway.openapi import merge
from gateway.openapi_edge import Document
from gateway.routing import Table
from gateway.upstream.faults import UpstreamFault
from gateway.upstream.replicas import Service
from shared.chassis.logs import get_logger

FRESH_SECONDS = 30.0
RETRY_SECONDS = 2.0
FETCH_SECONDS = 3.0

log = get_logger(__name__)


class MergedDocument:
    """The document, asked for again every half minute; a service that is away keeps what it said last."""

    def __init__(
        self, table: Table, services: Mapping[str, Service], *, url: str, version: str, title: str
    ) -> None:
        self._table = table
        self._services = services
        self._url = url
        self._about = {"version": version, "title": title}
        self._parts: dict[str, Document] = {}
        self._merged: Document | None = None
        self._stale_at = 0.0
        self._lock: asyncio.Lock | None = None

    async def current(self) -> Document:
        """The document as it is now."""
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            if self._merged is None or monotonic() >= self._stale_at:
                await asyncio.gather(*(self._ask(service) for service in self._services.values()))
                missing = sorted(self._services.keys() - self._parts.keys())
                self._merged = merge(self._parts, self._table, url=self._url, **self._about)
                if missing:
                    self._merged["x-doorward-missing"] = missing
                self._stale_at = monotonic() + (RETRY_SECONDS if missing else FRESH_SECONDS)
            return self._merged

    async def _ask(self, service: Service) -> None:
        try:
            answer = await fetch(service, "/openapi.json", seconds=FETCH_SECONDS)
            document = answer.json() if answer.status == 200 else None
        except UpstreamFault as fault:
            log.warning("openapi_not_fetched", upstream=service.name, fault=fault.proxy_status)
            return
        if isinstance(document, dict):
            self._parts[service.name] = document
