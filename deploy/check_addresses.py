"""``doorward check-addresses``: find stored addresses that are not in the form that is compared today."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from deploy.processes import SERVICES, load_settings

if TYPE_CHECKING:
    from shared.chassis.stored_addresses import Finding

# What is looked up by address; what has been mailed stays as it was.
PLACES = {
    "auth": (("accounts", "email"), ("registrations", "email")),
    "users": (("profiles", "email"),),
    "notifications": (("recipients", "email"),),
}


@click.command()
@click.argument("service", type=click.Choice([*SERVICES, "all"]), default="all")
@click.option("--repair", "is_repairing", is_flag=True, help="Write the addresses in the current format.")
def check_addresses(service: str, is_repairing: bool) -> None:
    """List addresses of SERVICE in an old format, or of all services that are installed here.

    Exits with 1 if there are any. Repair all services together, while nobody signs up.
    """
    left = 0
    for name in SERVICES if service == "all" else (service,):
        if service != "all" or find_spec(f"services.{name}.app") is not None:
            left += _check(name, is_repairing=is_repairing)
    if left:
        raise click.exceptions.Exit(1)


def _check(service: str, *, is_repairing: bool) -> int:
    """Report on one service; how many addresses are left."""
    from shared.chassis import stored_addresses

    app = import_module(f"services.{service}.app").create_app(load_settings(service))
    db = import_module(f"services.{service}.models").db
    count = left = 0
    with app.app_context():
        for finding in list(stored_addresses.find(db, PLACES[service])):
            is_repaired = is_repairing and stored_addresses.repair(db, finding)
            click.echo(f"{service}: {_sentence(finding, is_repaired=is_repaired)}")
            count, left = count + 1, left + (not is_repaired)
        db.session.remove()
        db.engine.dispose()
    click.echo(f"{service}: {count} addresses in an old format, {left} not changed")
    return left


def _sentence(finding: "Finding", *, is_repaired: bool) -> str:
    where = ".".join(finding.place)
    if finding.right is None:
        return f"{where}: {finding.stored!r} is no valid address; correct it by hand"
    verb = "is now" if is_repaired else "should be"
    return f"{where}: {finding.stored!r} {verb} {finding.right!r}"
