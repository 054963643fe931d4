"""``doorward reseal``: put what rests sealed under the current secret, so that older ones can be dropped."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from deploy.processes import SERVICES, load_settings

if TYPE_CHECKING:
    from shared.chassis.resealing import Report


@click.command()
@click.argument("service", type=click.Choice([*SERVICES, "all"]), default="all")
def reseal(service: str) -> None:
    """Encrypt the data of SERVICE again, or of all services that are installed here. Safe to repeat."""
    unreadable = 0
    for name in SERVICES if service == "all" else (service,):
        if service != "all" or find_spec(f"services.{name}.app") is not None:
            report = _reseal(name)
            unreadable += report.unreadable
            click.echo(
                f"{name}: {report.resealed} encrypted again, {report.current} already encrypted "
                f"with the current secret, {report.unreadable} that no configured secret can decrypt"
            )
    if unreadable:
        raise click.exceptions.Exit(1)


def _reseal(service: str) -> "Report":
    from shared.chassis.resealing import reseal

    settings = load_settings(service)
    app = import_module(f"services.{service}.app").create_app(settings)
    sealed = import_module(f"services.{service}.sealed")
    with app.app_context():
        return reseal(sealed.DATABASE, sealed.COLUMNS, settings)
