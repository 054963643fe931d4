"""One OpenAPI document for the whole backend: what the services say, and what the edge adds to it."""

import asyncio
import copy
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

from gateway.fetch import fetch
from gateway.routing import Match, Table
from gateway.upstream.faults import UpstreamFault
from gateway.upstream.replicas import Service
from shared.chassis.logs import get_logger
from shared.contracts.delivery import ACCESS_COOKIE

FRESH_SECONDS = 30.0
RETRY_SECONDS = 2.0
FETCH_SECONDS = 3.0
OPENAPI_VERSION = "3.1.0"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")

log = get_logger(__name__)

Document = dict[str, Any]


class MergedDocument:
    """The document, asked for again every half minute; a service that is away keeps what it said last."""

    def __init__(self, table: Table, services: Mapping[str, Service], *, url: str, version: str) -> None:
        self._table = table
        self._services = services
        self._url = url
        self._version = version
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
                self._merged = merge(self._parts, self._table, url=self._url, version=self._version)
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


def merge(parts: Mapping[str, Document], table: Table, *, url: str, version: str) -> Document:
    """``parts`` as one document of what can be reached through ``table``."""
    merged: Document = {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "Doorward",
            "version": version,
            "description": "Accounts, profiles and notifications behind one gateway.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url.rstrip("/")}],
        "tags": [],
        "paths": {},
        "components": {},
    }
    for name in sorted(parts):
        part = _with_own_components(name, parts[name], merged["components"])
        merged["tags"] += [tag for tag in part.get("tags", []) if tag not in merged["tags"]]
        for path, item in part.get("paths", {}).items():
            operations = _reachable(name, path, item, table)
            if operations:
                merged["paths"].setdefault(path, {}).update(operations)
    for match in table.matches:
        if match.route.parts:
            merged["paths"][match.prefix.decode()] = {"get": _with_edge(_gathered(match), match)}
    merged["components"].setdefault("headers", {}).update(_LIMIT_HEADERS)
    merged["components"].setdefault("securitySchemes", {}).update(_OWN_SCHEMES)
    _drop_unused(merged)
    return merged


def _drop_unused(document: Document) -> None:
    """Leave out components that nothing refers to: the services' frameworks bring some along."""
    components: dict[str, Document] = document["components"]
    used = set(_references(document["paths"]))
    waiting = list(used)
    while waiting:
        kind, _, name = waiting.pop().removeprefix("#/components/").partition("/")
        found = set(_references(components.get(kind, {}).get(name))) - used
        used |= found
        waiting += found
    for kind, entries in components.items():
        if kind != "securitySchemes":
            components[kind] = {
                name: e for name, e in entries.items() if f"#/components/{kind}/{name}" in used
            }


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _with_own_components(name: str, part: Document, taken: Document) -> Document:
    """``part`` with its components moved into ``taken``, renamed where another service took the name."""
    renamed: dict[str, str] = {}
    for kind, entries in part.get("components", {}).items():
        for key, entry in entries.items():
            there = taken.setdefault(kind, {}).get(key)
            if there is not None and there != entry:
                renamed[f"#/components/{kind}/{key}"] = f"#/components/{kind}/{name}.{key}"
                key = f"{name}.{key}"  # noqa: PLW2901
            taken[kind][key] = entry
    if not renamed:
        return copy.deepcopy(part)
    for kind, entries in part["components"].items():
        for key in entries:
            own = renamed.get(f"#/components/{kind}/{key}", f"#/components/{kind}/{key}").rpartition("/")[2]
            if own != key or taken[kind][own] is entries[key]:
                taken[kind][own] = _repointed(entries[key], renamed)
    return {**part, "paths": _repointed(part.get("paths", {}), renamed)}


def _repointed(value: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: renamed.get(inner, inner)
            if key == "$ref" and isinstance(inner, str)
            else _repointed(inner, renamed)
            for key, inner in value.items()
        }
    return [_repointed(inner, renamed) for inner in value] if isinstance(value, list) else value


def _reachable(service: str, path: str, item: Document, table: Table) -> Document:
    operations: Document = {}
    for method in _METHODS:
        operation = item.get(method)
        if operation is None:
            continue
        match = table.find("", method.upper(), path.encode())
        if match is not None and match.route.upstream == service:
            operations[method] = _with_edge(operation, match)
    if operations and "parameters" in item:
        operations["parameters"] = item["parameters"]
    return operations


def _with_edge(operation: Document, match: Match) -> Document:
    """``operation`` with what the gateway does to it."""
    route = match.route
    described = {**operation, "responses": dict(operation.get("responses", {}))}
    described["x-doorward-route"] = {
        "name": route.name,
        "access": str(route.access),
        "limits": [str(limit) for limit in match.limits],
        "policies": {policy.name: policy.describe() for policy in match.policies},
        "timeout_seconds": route.timeouts.total,
        "max_body_bytes": route.max_body_bytes,
    }
    if _BEARER in operation.get("security", []):
        described["security"] = [*operation["security"], {"api_key": []}, {"cookie": []}]
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if match.limits:
        described["responses"]["429"] = {
            "description": f"A limit is reached: {'; '.join(str(limit) for limit in match.limits)}.",
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _LIMIT_HEADERS},
            "content": {"application/problem+json": problem},
        }
    return described


def _gathered(match: Match) -> Document:
    """The operation of a route that the gateway answers from several services."""
    names = sorted(match.route.parts)
    parts: Document = {"type": "object", "properties": {name: {} for name in names}}
    faults: Document = {"type": "object", "additionalProperties": {"type": "object"}}
    schema: Document = {
        "type": "object",
        "required": ["data", "errors"],
        "properties": {"data": parts, "errors": faults},
    }
    return {
        "operationId": match.route.name.replace("-", "_"),
        "summary": f"{', '.join(names)} at once; parts that fail are named in `errors`.",
        "tags": [match.route.name],
        "security": [] if match.route.access.is_public else [_BEARER],
        "responses": {
            "200": {"description": "What could be had.", "content": {"application/json": {"schema": schema}}},
            "default": {
                "description": "Any error, as problem details (RFC 9457).",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }


_BEARER: Document = {"bearer": []}
# What the gateway takes beside a token, and makes one of.
_OWN_SCHEMES: Document = {
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key; it needs the scope `account` to act for its owner.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": "Set by a sign-in with `Token-Delivery: cookie`; counts for pages of allowed origins.",
    },
}
_LIMIT_HEADERS: Document = {
    "RateLimit-Policy": {
        "description": "The quotas that apply: `q` units in `w` seconds each.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left: `r` units for another `t` seconds.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "When to come back, in seconds.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
