"""``doorward migrate``: bring databases to the newest schema. Safe to run several times at once."""

from importlib import import_module
from importlib.util import find_spec

import click

from deploy import preflight
from deploy.processes import SERVICES, load_settings
from shared.chassis.settings import SettingsError


@click.command()
@click.argument("service", type=click.Choice([*SERVICES, "all"]), default="all")
def migrate(service: str) -> None:
    """Migrate the database of SERVICE, or of all services that are installed here."""
    for name in SERVICES if service == "all" else (service,):
        if service != "all" or find_spec(f"services.{name}.app") is not None:
            upgrade(name)
            click.echo(f"{name}: the database has the newest schema")


def upgrade(service: str) -> None:
    """Run the migrations of one service; concurrent runs wait for each other.

    Raises SettingsError where its database cannot be reached as the settings say, or cannot be decrypted.
    """
    settings = load_settings(service)
    preflight.check_stored([service])  # before anything is changed
    app = import_module(f"services.{service}.app").create_app(settings)

    import flask_migrate
    from sqlalchemy.exc import OperationalError

    try:
        with app.app_context():
            flask_migrate.upgrade()
            app.extensions["migrate"].db.engine.dispose()
    except OperationalError as error:
        reason = str(error.orig).splitlines()[0]
        raise SettingsError(f"{settings.variable('database_url')}: {reason}.") from error
