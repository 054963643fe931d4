"""``${NAME}`` in a route file: settings of the gateway, and variables of the environment.

A file names the beginnings of their names in ``variable_prefixes``, so that none can write a secret of the
backend into a header or an address.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")
PREFIX = re.compile(r"[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*")
OWN_PREFIXES = (
    "AUTH_",
    "DATABASE_",
    "DOORWARD_",
    "GATEWAY_",
    "JWT_",
    "NOTIFICATIONS_",
    "POSTGRES_",
    "REDIS_",
    "USERS_",
)

Location = tuple[str | int, ...]


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


class Filling:
    """The variables of one file, filled in; what went wrong, and which value came from which variable."""

    def __init__(
        self, known: Mapping[str, Sequence[str]], environment: Mapping[str, str], prefixes: Sequence[str]
    ) -> None:
        self._known = known
        self._environment = environment
        self._prefixes = tuple(prefixes)
        self.mistakes: list[tuple[Location, str]] = []
        self.names: dict[Location, str] = {}

    def filled(self, value: Any, at: Location = ()) -> Any:
        """``value`` with every variable replaced."""
        if isinstance(value, dict):
            return {key: self.filled(inner, (*at, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return self._filled_list(value, at)
        if not isinstance(value, str) or "${" not in value:
            return value
        match = _VARIABLE.fullmatch(value)
        if match is not None:
            return _scalar(",".join(self._values(match, at)))
        return _VARIABLE.sub(lambda one: ",".join(self._values(one, at)), value)

    def _filled_list(self, items: list[Any], at: Location) -> list[Any]:
        """A variable that is an item of its own stands for as many items as it has."""
        filled: list[Any] = []
        for item in items:
            place = (*at, len(filled))
            match = _VARIABLE.fullmatch(item) if isinstance(item, str) else None
            if match is None:
                filled.append(self.filled(item, place))
                continue
            values = self._values(match, place)
            self.names |= {(*at, len(filled) + index): match[1] for index in range(len(values))}
            filled += values
        return filled

    def _values(self, match: re.Match[str], at: Location) -> Sequence[str]:
        name, default = match[1], match[2]
        self.names[at] = name
        if name in self._known:
            return self._known[name]
        if not name.startswith(self._prefixes):
            self.mistakes.append((at, self._hint(name)))
            return []
        text = self._environment.get(name, default)
        if text is None:
            self.mistakes.append((at, f"${{{name}}} is not set, and has no default (${{{name}:-…}})."))
            return []
        return [item.strip() for item in text.split(",") if item.strip()]

    def _hint(self, name: str) -> str:
        known = ", ".join(sorted(self._known))
        return f"${{{name}}} is not one of {known}, and begins with none of variable_prefixes."


def _scalar(text: str) -> Any:
    """A number or a truth value where the text is one, as TOML would read it."""
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def prefix_mistakes(prefixes: Any) -> list[tuple[Location, str]]:
    """What is wrong with a file's ``variable_prefixes``."""
    if not isinstance(prefixes, list):
        return [(("variable_prefixes",), "must be a list.")]
    return [
        (("variable_prefixes", index), mistake)
        for index, prefix in enumerate(prefixes)
        if (mistake := _mistake_of(prefix))
    ]


def _mistake_of(prefix: Any) -> str:
    if not isinstance(prefix, str) or PREFIX.fullmatch(prefix) is None:
        return "must be capital letters and digits that end with an underscore, like SHOP_."
    if prefix.startswith(OWN_PREFIXES):
        return "is the backend's own, and may hold secrets."
    return ""
