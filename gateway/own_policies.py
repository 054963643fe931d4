"""Policies of a team's own: classes that ``GATEWAY_POLICIES`` names, each with a table in the route file."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask import Response

from gateway.messages import RawHeaders
from shared.chassis.settings import SettingsError

if TYPE_CHECKING:
    from gateway.exchange import Exchange


class Policy:
    """What is done with the requests of one route, after its limits and its access rule have admitted them.

    It is made when the route file is read, with what its table there says; TypeError and ValueError are
    mistakes of that file.
    """

    name = ""  # its key in a route's ``policies``

    def describe(self) -> str:
        """What it does, in a few words: for ``explain``, ``routes``, the merged OpenAPI and the console."""
        return self.name

    async def check(self, exchange: "Exchange") -> Response | None:
        """Let the request pass, answer it, or raise an ApiError."""

    def finish(self, exchange: "Exchange", fields: RawHeaders) -> None:
        """Add header fields to the answer, whoever gave it; names are in lower case."""


Registry = Mapping[str, type[Policy]]


def registry_of(addresses: Sequence[str]) -> Registry:
    """The classes at ``module:Class``, by their names; raises SettingsError."""
    found: dict[str, type[Policy]] = {}
    for address in addresses:
        policy = _class_at(address)
        if not policy.name or policy.name in found:
            raise SettingsError(f'GATEWAY_POLICIES: "{address}" needs a name that no other policy has.')
        found[policy.name] = policy
    return found


def _class_at(address: str) -> type[Policy]:
    module, _, name = address.partition(":")
    try:
        policy = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f'GATEWAY_POLICIES: "{address}" is no module:Class: {error}.') from error
    if not (isinstance(policy, type) and issubclass(policy, Policy)):
        raise SettingsError(f'GATEWAY_POLICIES: "{address}" is no subclass of gateway.own_policies.Policy.')
    return policy


def policies_of(tables: Mapping[str, Any], registry: Registry) -> Iterator[Policy]:
    """The policies of one route, in the order of ``GATEWAY_POLICIES``; raises ValueError for a mistake."""
    for name in tables:
        if name not in registry:
            raise ValueError(f"GATEWAY_POLICIES names no policy {name}")
    for name, policy in registry.items():
        if name in tables:
            yield _made(policy, tables[name])


def _made(policy: type[Policy], options: Any) -> Policy:
    if not isinstance(options, Mapping):
        raise ValueError(f"{policy.name} must be a table")  # noqa: TRY004  (one kind for all mistakes)
    try:
        return policy(**options)
    except TypeError as error:
        raise ValueError(f"{policy.name}: {error}") from error
