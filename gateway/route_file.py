"""Reading route files: every mistake at once, each with its file, its key, its value and its variable."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.policies.cors import CorsRule
from gateway.policies.limits import Limit
from gateway.policies.own import Registry, policies_of
from gateway.policies.policy import Policy
from gateway.route import Route
from gateway.route_layers import Default, Layers, RouteFileError, files_in, read, written
from gateway.route_table import new_table
from gateway.route_variables import Location
from gateway.routing import Table
from gateway.upstream.table import Upstream
from shared.chassis.logs import mask_text

__all__ = ["DEFAULT_FILE", "RouteFileError", "load", "load_over_builtin", "parse"]

DEFAULT_FILE = Path(__file__).with_name("routes.toml")
LONGEST_VALUE = 80

Known = Mapping[str, Sequence[str]]
Environment = Mapping[str, str]


def _named(value: object) -> object:
    """``[limits.x]`` entries learn their names from their keys."""
    if isinstance(value, dict):
        return {
            name: {"name": name, **entry} if isinstance(entry, dict) else entry
            for name, entry in value.items()
        }
    return value


class _Document(BaseModel):
    """All files as one."""

    model_config = ConfigDict(extra="forbid")

    defaults: dict[Default, Any] = {}
    limits: Annotated[dict[str, Limit], BeforeValidator(_named)] = {}
    cors: Annotated[dict[str, CorsRule], BeforeValidator(_named)] = {}
    upstreams: Annotated[dict[str, Upstream], BeforeValidator(_named)]
    routes: Annotated[list[Route], Field(min_length=1)]


def load_over_builtin(
    places: Sequence[str | Path],
    known: Known,
    environment: Environment | None = None,
    policies: Registry | None = None,
) -> Table:
    """The built-in table with the files and folders in ``places`` laid over it; raises RouteFileError.

    A file that says ``standalone = true`` leaves the built-in table out.
    """
    texts = [(path, _text(path)) for path in files_in(places)]
    layers = [read(path, text, known, environment or {}) for path, text in texts]
    if not any(layer.content.get("standalone") is True for layer in layers):
        builtin = DEFAULT_FILE.read_text()
        texts.insert(0, (DEFAULT_FILE, builtin))
        layers.insert(0, read(DEFAULT_FILE, builtin, known, {}))
    joined = Layers()
    for layer in layers:
        joined.add(layer)
    return _table(joined, "".join(text for _, text in texts), policies or {})


def load(path: Path, known: Known, environment: Environment | None = None) -> Table:
    """The table in ``path`` alone; raises RouteFileError."""
    return parse(path, _text(path), known, environment)


def parse(path: Path, text: str, known: Known, environment: Environment | None = None) -> Table:
    """The table in ``text`` alone, which came from ``path``; raises RouteFileError."""
    layers = Layers()
    layers.add(read(path, text, known, environment or {}))
    return _table(layers, text, {})


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise RouteFileError([f"{path}: {error}"]) from error


def _table(layers: Layers, text: str, registry: Registry) -> Table:
    joined = layers.joined()
    mistakes = list(layers.mistakes)
    try:
        document = _Document.model_validate(joined)
    except ValidationError as error:
        found = ((tuple(one["loc"]), _reason(one["msg"]), one.get("input")) for one in error.errors())
        mistakes += [_sentence(layers, joined, at, reason, value) for at, reason, value in found]
        raise RouteFileError(mistakes) from error
    own, wrong = _own_policies(document, registry)
    wrong += _unknown_names(document)
    mistakes += [_sentence(layers, joined, at, reason, None) for at, reason in wrong]
    if mistakes:
        raise RouteFileError(mistakes)
    files = {route.name: layers.place(("routes", index))[0] for index, route in enumerate(document.routes)}
    return new_table(
        document.routes,
        upstreams=document.upstreams,
        limits=document.limits,
        cors=document.cors,
        default_cors=document.defaults.get("cors"),
        version=hashlib.sha256(text.encode()).hexdigest()[:12],
        files={name: str(path) for name, path in files.items()},
        own=own,
    )


def _own_policies(
    document: _Document, registry: Registry
) -> tuple[dict[str, tuple[Policy, ...]], list[tuple[Location, str]]]:
    found: dict[str, tuple[Policy, ...]] = {}
    wrong: list[tuple[Location, str]] = []
    for index, route in enumerate(document.routes):
        try:
            found[route.name] = tuple(policies_of(route.policies, registry))
        except ValueError as error:
            wrong.append((("routes", index, "policies"), f"{error}."))
    return found, wrong


def _sentence(layers: Layers, joined: dict[str, Any], at: Location, reason: str, value: Any) -> str:
    path, own, variable = layers.place(at)
    key = written(own)
    if len(at) > 1 and at[0] == "routes" and isinstance(at[1], int):
        route = joined["routes"][at[1]]
        key += f" ({route.get('name', 'unnamed')})" if isinstance(route, dict) else ""
    shown = _shown(value)
    origin = f" It is {shown}{f', from ${{{variable}}}' if variable else ''}." if shown else ""
    if variable and not shown:
        origin = f" It is from ${{{variable}}}."
    return f"{f'{path}: ' if path else ''}{key}: {reason}{origin}"


def _shown(value: Any) -> str:
    if not isinstance(value, str | int | float):
        return ""
    text = mask_text(repr(value)) if not isinstance(value, str) else f'"{mask_text(value)}"'
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".") + "."


def _unknown_names(document: _Document) -> Iterator[tuple[Location, str]]:
    cors = document.defaults.get("cors")
    if cors and not (isinstance(cors, str) and cors in document.cors):
        yield ("defaults", "cors"), f"there is no [cors.{cors}]."
    seen: set[str] = set()
    folds: dict[str, bool] = {}
    for index, route in enumerate(document.routes):
        if route.name in seen:
            yield ("routes", index, "name"), f"{route.name} is there twice."
        seen.add(route.name)
        if route.case_sensitive is not folds.setdefault(route.upstream, route.case_sensitive):
            yield ("routes", index, "case_sensitive"), f"all routes of {route.upstream} must agree."
        for key, kind, name in _names_in(route):
            if name not in getattr(document, kind):
                yield ("routes", index, key), f"there is no [{kind}.{name}]."


def _names_in(route: Route) -> Iterator[tuple[str, str, str]]:
    """The tables that a route names: by which key, of which kind, by which name."""
    for upstream in (route.upstream, *(part.upstream for part in route.parts.values())):
        yield "upstream", "upstreams", upstream
    if route.cors:
        yield "cors", "cors", route.cors
    for limit in route.limits:
        yield "limits", "limits", limit
