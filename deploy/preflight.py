"""Before anything starts: whether the environment describes processes that can run, all mistakes at once."""

from collections.abc import Collection, Iterable, Iterator
from importlib import import_module
from typing import Any

from deploy import known_settings
from deploy.processes import SERVICES, load_settings
from shared.chassis.settings import SettingsError


def check(processes: Collection[str], given: Iterable[str]) -> None:
    """Raise SettingsError with one line for each mistake in the settings of these processes.

    A name among ``given`` that is no setting is no mistake; beside one it is named too: it may be the cause.
    """
    mistakes = dict.fromkeys(sentence for process in processes for sentence in _mistakes(process))
    if mistakes:
        raise SettingsError("\n".join([*mistakes, *known_settings.unknown(given, processes)]))


def check_stored(processes: Collection[str]) -> None:
    """Raise SettingsError where secrets of these processes do not decrypt what their databases hold."""
    mistakes = [
        sentence for service in SERVICES if service in processes for sentence in _undecrypted(service)
    ]
    if mistakes:
        raise SettingsError("\n".join(mistakes))


def _mistakes(process: str) -> Iterator[str]:
    try:
        settings: Any = load_settings(process)
    except SettingsError as error:
        yield from str(error).splitlines()
        return
    if process == "gateway":
        yield from _mistakes_in_routes(settings)


def _mistakes_in_routes(settings: Any) -> Iterator[str]:
    """The route file is a setting as well: it is read here as the gateway will read it."""
    # An image of another process does not hold the gateway's code.
    route_file, route_source = map(import_module, ("gateway.route_file", "gateway.route_source"))
    try:
        route_source.table(settings)
    except route_file.RouteFileError as error:
        yield from error.mistakes


def _undecrypted(service: str) -> Iterator[str]:
    # Imported by name: an image of one process does not hold the code of another.
    secret_check = import_module(f"services.{service}.secret_check")
    try:
        secret_check.check(load_settings(service))
    except SettingsError as error:
        yield from str(error).splitlines()
