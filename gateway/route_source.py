"""Which route table is in force: that of the last file without mistakes.

gunicorn's master makes the worker objects and forks them, so what the master keeps here every worker has.
The file is read when the server starts and on SIGHUP, not when a single worker is replaced: otherwise
workers would disagree about the routes.
"""

from typing import Any

from gateway import route_file, route_variables
from gateway.policies.own import registry_of
from gateway.routing import Table
from gateway.settings import GatewaySettings
from shared.chassis.logs import get_logger

log = get_logger(__name__)


class _Kept:
    """The table in force, and the gunicorn configuration it was read under (a reload makes a new one)."""

    table: Table | None = None
    configuration: Any = None


def refresh(configuration: Any) -> None:
    """In the master: take the file as it is now if it has no mistakes, and say which it has if not."""
    if _Kept.configuration is configuration:
        return
    _Kept.configuration = configuration
    settings = GatewaySettings.load()
    try:
        _Kept.table = _read(settings)
    except route_file.RouteFileError as error:
        log.error("routes_not_taken", mistakes=error.mistakes)  # noqa: TRY400  (the sentence says it all)


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
