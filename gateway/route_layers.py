"""Route files laid over each other: what later ones say stands, and each value knows where it is written.

Tables of the same name, and routes of the same name, are joined key by key. A file's ``[defaults]`` hold for
its own routes: they must not change what routes of another file mean.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from gateway.route_variables import Filling, Location, prefix_mistakes

TABLES = ("limits", "cors", "upstreams")
Default = Literal["access", "limits", "cors", "timeouts", "retries", "max_body_bytes", "case_sensitive"]
DEFAULTS: frozenset[str] = frozenset(get_args(Default))
CONTROL = frozenset({"standalone", "variable_prefixes", "without"})

_REMEDY = "GATEWAY_ROUTES_FILE names the files and folders with routes."


class RouteFileError(Exception):
    """The files do not describe a route table; ``mistakes`` says all that is wrong with them."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(self.mistakes))


class Layer(NamedTuple):
    """One file, its variables filled in."""

    path: Path
    content: dict[str, Any]
    variables: Mapping[Location, str]
    mistakes: Sequence[str] = ()


class Layers:
    """The files joined, and where each value came from."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}
        self.mistakes: list[str] = []
        self._places: dict[Location, tuple[Layer, Location]] = {}
        self._kept: list[int] = []

    def joined(self) -> dict[str, Any]:
        """All that the files say, without the routes that a later one leaves out."""
        routes = self.content.get("routes")
        if not isinstance(routes, list):
            return self.content
        self._kept = [index for index, route in enumerate(routes) if route is not None]
        return {**self.content, "routes": [routes[index] for index in self._kept]}

    def add(self, layer: Layer) -> None:
        """Lay ``layer`` over what is there."""
        self.mistakes += layer.mistakes
        self._leave_out(layer)
        for key, value in layer.content.items():
            if key == "routes" and isinstance(value, list):
                self._add_routes(layer, value)
            elif key in (*TABLES, "defaults") and isinstance(value, dict):
                self._join(self.content.setdefault(key, {}), value, layer, (key,), depth=key in TABLES)
            elif key not in CONTROL:
                self.content[key] = value
                self._places[key,] = (layer, (key,))

    def _leave_out(self, layer: Layer) -> None:
        without = layer.content.get("without", [])
        routes = self.content.get("routes", [])
        names = [route.get("name") if isinstance(route, dict) else None for route in routes]
        if not isinstance(without, list):
            self.mistakes.append(f"{layer.path}: without: must be a list of names of routes.")
            return
        for index, name in enumerate(without):
            if name in names:
                routes[names.index(name)] = None
            else:
                self.mistakes.append(f"{layer.path}: without[{index}]: no file before has a route {name!r}.")

    def _join(self, joined: Any, added: dict[str, Any], layer: Layer, at: Location, *, depth: bool) -> None:
        for key, value in added.items():
            self._places[*at, key] = (layer, (*at, key))
            if depth and isinstance(value, dict) and isinstance(joined.get(key), dict):
                self._join(joined[key], value, layer, (*at, key), depth=False)
                continue
            joined[key] = dict(value) if isinstance(value, dict) else value
            if depth and isinstance(value, dict):
                self._places |= {(*at, key, inner): (layer, (*at, key, inner)) for inner in value}

    def _add_routes(self, layer: Layer, routes: list[Any]) -> None:
        known = self.content.setdefault("routes", [])
        before = {route["name"]: index for index, route in enumerate(known) if _has_name(route)}
        for own_index, route in enumerate(routes):
            own = ("routes", own_index)
            index = before.get(route["name"]) if _has_name(route) else None
            if index is None:
                index = len(known)
                known.append(self._defaults(layer, index) if isinstance(route, dict) else route)
            self._places["routes", index] = (layer, own)
            if isinstance(route, dict):
                known[index].update(route)
                self._places |= {("routes", index, key): (layer, (*own, key)) for key in route}

    def _defaults(self, layer: Layer, index: int) -> dict[str, Any]:
        """What a new route has that does not say otherwise: defaults of its file, and of files before."""
        found = self.content.get("defaults")
        own = layer.content.get("defaults")
        for key in own if isinstance(own, dict) else ():
            self._places["routes", index, key] = (layer, ("defaults", key))
        joined = {**(found if isinstance(found, dict) else {}), **(own if isinstance(own, dict) else {})}
        return {key: value for key, value in joined.items() if key in DEFAULTS}

    def place(self, at: Location) -> tuple[Path | None, Location, str | None]:
        """The file of the value at ``at``, its key there, and the variable that it came from."""
        if len(at) > 1 and at[0] == "routes" and isinstance(at[1], int) and self._kept:
            at = ("routes", self._kept[at[1]], *at[2:])
        for end in range(len(at), 0, -1):
            if at[:end] in self._places:
                layer, own = self._places[at[:end]]
                return layer.path, (*own, *at[end:]), _variable(layer, (*own, *at[end:]))
        return None, at, None


def _has_name(route: Any) -> bool:
    return isinstance(route, dict) and isinstance(route.get("name"), str)


def _variable(layer: Layer, at: Location) -> str | None:
    found = (layer.variables.get(at[:end]) for end in range(len(at), 0, -1))
    return next((name for name in found if name), None)


def read(path: Path, text: str, known: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> Layer:
    """The file at ``path``; raises RouteFileError where it is no TOML."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RouteFileError([f"{path}: {error}"]) from error
    prefixes = raw.get("variable_prefixes", [])
    mistakes = prefix_mistakes(prefixes)
    filling = Filling(known, environment, [] if mistakes else prefixes)
    content = filling.filled(raw)
    mistakes += filling.mistakes
    return Layer(
        path, content, filling.names, [f"{path}: {written(at)}: {mistake}" for at, mistake in mistakes]
    )


def written(at: Location) -> str:
    """A key as people write it: ``routes[2].limits[0]``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")


def files_in(places: Sequence[str | Path]) -> Iterator[Path]:
    """The files that are named, and for a folder those in it, in the order of their names."""
    for place in map(Path, places):
        if not place.exists():
            raise RouteFileError([f"{place}: there is no such file or folder; {_REMEDY}"])
        if not place.is_dir():
            yield place
            continue
        found = sorted(place.glob("*.toml"))
        if not found:
            raise RouteFileError([f"{place}: has no file that ends with .toml."])
        yield from found
