"""One OpenAPI document out of those of the services: what can be reached through the gateway."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.openapi_edge import LIMIT_HEADERS, OWN_SCHEMES, Document, gathered, with_edge
from gateway.routing import Table

OPENAPI_VERSION = "3.1.0"
CONVENTIONS = """\
Accounts, profiles and notifications behind one gateway.

- **Credentials.** Send an access token as `Authorization: Bearer …`, or an API key as `X-API-Key`. Browsers
  can keep their session in cookies instead: sign in with `Token-Delivery: cookie`.
- **Errors** are `application/problem+json` (RFC 9457). Use `code`, which never changes; `detail` is for
  people. Each operation lists its codes. Any operation may also answer 400 for a request that is not valid
  HTTP or JSON, and 500, 502 or 504 when a service fails.
- **Repeating requests.** A POST with an `Idempotency-Key` is done once, however often it is sent. After a 429
  or 503, wait as long as `Retry-After` says.
- **Concurrent changes.** Profiles have an `ETag`. Send it as `If-Match` with a change: the change is refused
  with 412 if somebody else was faster. Send it as `If-None-Match` with a GET: 304 means that nothing changed.
- **Limits.** `RateLimit-Policy` and `RateLimit` say how many requests are left.
- **Lists** have `items` and `next_cursor`. Send that value as `cursor` for the next page; `null` is the end.
- **Tracing.** Every answer has an `X-Request-ID`, which is in the logs too. You may send your own: 8 to 64
  letters, digits or `-`.
"""
GATHERED = "Answers of several services in one."
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


def merge(parts: Mapping[str, Document], table: Table, *, url: str, version: str, title: str) -> Document:
    """``parts`` as one document of what can be reached through ``table``."""
    merged: Document = {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": title,
            "version": version,
            "description": CONVENTIONS,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url.rstrip("/")}],
        "tags": [],
        "paths": {},
        "components": {},
    }
    for name in sorted(parts, key=list(table.upstreams).index):
        part = _with_own_components(name, parts[name], merged["components"])
        merged["tags"] += [tag for tag in part.get("tags", []) if tag not in merged["tags"]]
        for path, item in part.get("paths", {}).items():
            operations = _reachable(name, path, item, table)
            if operations:
                merged["paths"].setdefault(path, {}).update(operations)
    for match in table.matches:
        if match.route.parts:
            merged["tags"].append({"name": match.route.name, "description": GATHERED})
            merged["paths"][match.prefix.decode()] = {"get": with_edge(gathered(match), match)}
    merged["components"].setdefault("headers", {}).update(LIMIT_HEADERS)
    merged["components"].setdefault("securitySchemes", {}).update(OWN_SCHEMES)
    _drop_unused(merged)
    return merged


def served_at(url: str, document: Document) -> Document:
    """``document`` as it is read at ``url``: its page there can only call its own host."""
    here = {"url": url.rstrip("/")}
    servers: list[Document] = document["servers"]
    if any(urlsplit(server["url"]).netloc == urlsplit(url).netloc for server in servers):
        return document
    return {**document, "servers": [here, *servers]}


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
            operations[method] = with_edge(operation, match)
    if operations and "parameters" in item:
        operations["parameters"] = item["parameters"]
    return operations
