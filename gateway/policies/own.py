"""Policies of a team's own: classes that ``GATEWAY_POLICIES`` names, each with a table in the route file."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from gateway.policies.policy import Policy
from shared.chassis.settings import SettingsError

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
    except Exception as error:  # whatever a module of a team's own raises while it is imported
        raise SettingsError(f'GATEWAY_POLICIES: "{address}" is no module:Class: {_said(error)}.') from error
    if not (isinstance(policy, type) and issubclass(policy, Policy)):
        raise SettingsError(f'GATEWAY_POLICIES: "{address}" is no subclass of {Policy.__module__}.Policy.')
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
    except Exception as error:  # a team's own code, which may read files and so on
        raise ValueError(f"{policy.name}: {_said(error)}") from error


def _said(error: Exception) -> str:
    """What ``error`` says; others than these seldom make a sentence."""
    is_sentence = isinstance(error, ImportError | AttributeError | TypeError | ValueError)
    return str(error) if is_sentence else f"{type(error).__name__}: {error}"
