"""Which settings and route table are in force: those of the last time that they had no mistakes.

gunicorn's master makes the worker objects and forks them, so what the master keeps here every worker has.
Both are read when the server starts and on SIGHUP, not when a single worker is replaced: otherwise workers
would disagree about them, and none could be replaced while a certificate is being renewed.
"""

from typing import Any

from gateway import route_file, route_variables
from gateway.policies.own import registry_of
from gateway.routing import Table
from gateway.settings import GatewaySettings
from shared.chassis.logs import get_logger
from shared.chassis.settings import SettingsError

log = get_logger(__name__)


class _Kept:
    """What is in force, and the gunicorn configuration it was read under (a reload makes a new one)."""

    settings: GatewaySettings | None = None
    table: Table | None = None
    configuration: Any = None


def refresh(configuration: Any) -> None:
    """In the master: take settings and file as they are now if they have no mistakes, else say which.

    Raises SettingsError if there never were good settings.
    """
    if _Kept.configuration is configuration:
        return
    _Kept.configuration = configuration
    try:
        _Kept.settings = GatewaySettings.load()
    except SettingsError as error:
        if _Kept.settings is None:
            raise
        log.error("settings_not_taken", mistakes=str(error))  # noqa: TRY400  (the sentence says it all)
    try:
        _Kept.table = _read(settings())
    except route_file.RouteFileError as error:
        log.error("routes_not_taken", mistakes=error.mistakes)  # noqa: TRY400  (the sentence says it all)


def settings() -> GatewaySettings:
    """The settings of this process; raises SettingsError if there never were good ones."""
    return _Kept.settings or GatewaySettings.load()


def table(settings: GatewaySettings) -> Table:
    """The route table of this process; raises RouteFileError if there never was a good file."""
    return _Kept.table or _read(settings)


def _read(settings: GatewaySettings) -> Table:
    return route_file.load_over_builtin(
        settings.routes_file,
        settings.route_variables,
        route_variables.environment(),
        registry_of(settings.policies),
    )
