"""Which text of the route file is in force: the last one without mistakes.

gunicorn's master makes the worker objects and forks them, so what the master keeps here every worker has.
The file is read when the server starts and on SIGHUP, not when a single worker is replaced: otherwise
workers would disagree about the routes.
"""

from typing import Any

from gateway import route_file
from gateway.routing import Table
from gateway.settings import GatewaySettings
from shared.chassis.logs import get_logger

log = get_logger(__name__)


class _Kept:
    """The text in force, and the gunicorn configuration that it was read under (a reload makes a new one)."""

    text: str | None = None
    configuration: Any = None


def refresh(configuration: Any) -> None:
    """In the master: take the file as it is now if it has no mistakes, and say which it has if not."""
    if _Kept.configuration is configuration:
        return
    _Kept.configuration = configuration
    settings = GatewaySettings.load()
    try:
        text = settings.routes_file.read_text()
        route_file.parse(settings.routes_file, text, settings.route_variables)
    except (OSError, UnicodeDecodeError) as error:
        log.error("routes_not_taken", mistakes=[str(error)])  # noqa: TRY400  (the sentence says it all)
    except route_file.RouteFileError as error:
        log.error("routes_not_taken", mistakes=error.mistakes)  # noqa: TRY400
    else:
        _Kept.text = text


def table(settings: GatewaySettings) -> Table:
    """The route table of this process; raises RouteFileError if there never was a good file."""
    if _Kept.text is None:
        return route_file.load(settings.routes_file, settings.route_variables)
    return route_file.parse(settings.routes_file, _Kept.text, settings.route_variables)
