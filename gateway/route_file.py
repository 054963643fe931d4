"""Reading ``routes.toml``: every mistake at once, each with the key it is at."""

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.policies import Cors, Limit, Route, Upstream
from gateway.routing import Table, new_table

DEFAULT_FILE = Path(__file__).with_name("routes.toml")
_VARIABLE = re.compile(r"\$\{([A-Z_]+)\}")
Default = Literal["access", "limits", "cors", "timeouts", "retries", "max_body_bytes", "case_sensitive"]
_ROUTE_DEFAULTS: frozenset[str] = frozenset(get_args(Default))


class RouteFileError(Exception):
    """The file does not describe a route table; ``mistakes`` says all that is wrong with it."""

    def __init__(self, path: Path, mistakes: Sequence[str]) -> None:
        self.mistakes = [f"{path}: {mistake}" for mistake in mistakes]
        super().__init__("\n".join(self.mistakes))


def _named(value: object) -> object:
    """``[limits.x]`` entries learn their names from their keys."""
    if isinstance(value, dict):
        return {
            name: {"name": name, **entry} if isinstance(entry, dict) else entry
            for name, entry in value.items()
        }
    return value


class _Document(BaseModel):
    """The file as a whole."""

    model_config = ConfigDict(extra="forbid")

    defaults: dict[Default, Any] = {}
    limits: Annotated[dict[str, Limit], BeforeValidator(_named)] = {}
    cors: Annotated[dict[str, Cors], BeforeValidator(_named)] = {}
    upstreams: Annotated[dict[str, Upstream], BeforeValidator(_named)]
    routes: Annotated[list[Route], Field(min_length=1)]


def load(path: Path, variables: Mapping[str, Sequence[str]]) -> Table:
    """The table in ``path``, its ``${NAME}`` filled from ``variables``; raises RouteFileError."""
    try:
        return parse(path, path.read_text(), variables)
    except (OSError, UnicodeDecodeError) as error:
        raise RouteFileError(path, [str(error)]) from error


def parse(path: Path, text: str, variables: Mapping[str, Sequence[str]]) -> Table:
    """The table in ``text``, which came from ``path``; raises RouteFileError."""
    mistakes: list[str] = []
    try:
        raw = _filled(tomllib.loads(text), variables, "", mistakes.append)
        document = _Document.model_validate(_with_defaults(raw))
    except tomllib.TOMLDecodeError as error:
        raise RouteFileError(path, [f"{error}"]) from error
    except ValidationError as error:
        raise RouteFileError(path, [*mistakes, *_sentences(error, raw)]) from error
    mistakes += _unknown_names(document)
    if mistakes:
        raise RouteFileError(path, mistakes)
    return new_table(
        document.routes,
        upstreams=document.upstreams,
        limits=document.limits,
        cors=document.cors,
        default_cors=document.defaults.get("cors"),
        version=hashlib.sha256(text.encode()).hexdigest()[:12],
    )


def _filled(value: Any, variables: Mapping[str, Sequence[str]], at: str, wrong: Callable[[str], None]) -> Any:
    """``value`` with every list item ``${NAME}`` replaced by the values of that setting."""
    if isinstance(value, dict):
        return {
            key: _filled(inner, variables, f"{at}.{key}".lstrip("."), wrong) for key, inner in value.items()
        }
    if not isinstance(value, list):
        return value
    filled: list[Any] = []
    for index, item in enumerate(value):
        match = _VARIABLE.fullmatch(item) if isinstance(item, str) else None
        if match is None:
            filled.append(_filled(item, variables, f"{at}[{index}]", wrong))
        elif match[1] in variables:
            filled += variables[match[1]]
        else:
            wrong(f"{at}[{index}]: {item} is not one of {', '.join(sorted(variables))}.")
    return filled


def _with_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    defaults, routes = raw.get("defaults"), raw.get("routes")
    if not isinstance(defaults, dict) or not isinstance(routes, list):
        return raw
    sound = {key: value for key, value in defaults.items() if key in _ROUTE_DEFAULTS}
    return {**raw, "routes": [{**sound, **route} if isinstance(route, dict) else route for route in routes]}


def _sentences(error: ValidationError, raw: dict[str, Any]) -> list[str]:
    return [f"{_key(mistake['loc'], raw)}: {_reason(mistake['msg'])}" for mistake in error.errors()]


def _key(location: tuple[int | str, ...], raw: dict[str, Any]) -> str:
    parts = ""
    for step in location:
        parts += f"[{step}]" if isinstance(step, int) else f".{step}"
    key = parts.lstrip(".")
    if len(location) > 1 and location[0] == "routes" and isinstance(location[1], int):
        route = raw["routes"][location[1]]
        return f"{key} ({route.get('name', 'unnamed')})" if isinstance(route, dict) else key
    return key


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".") + "."


def _unknown_names(document: _Document) -> list[str]:
    mistakes = []
    seen: set[str] = set()
    folds: dict[str, bool] = {}
    for index, route in enumerate(document.routes):
        at = f"routes[{index}]"
        if route.name in seen:
            mistakes.append(f"{at}.name: {route.name} is there twice.")
        seen.add(route.name)
        for upstream in (route.upstream, *(part.upstream for part in route.parts.values())):
            if upstream not in document.upstreams:
                missing = f"{at}.upstream ({route.name}): there is no [upstreams.{upstream}]."
                mistakes.append(missing)
        if route.cors and route.cors not in document.cors:
            mistakes.append(f"{at}.cors ({route.name}): there is no [cors.{route.cors}].")
        if route.case_sensitive is not folds.setdefault(route.upstream, route.case_sensitive):
            mistakes.append(f"{at}.case_sensitive ({route.name}): all routes of {route.upstream} must agree.")
        mistakes += [
            f"{at}.limits ({route.name}): there is no [limits.{limit}]."
            for limit in route.limits
            if limit not in document.limits
        ]
    return mistakes
