"""The command on memberships, for after a backup of auth's database was restored."""

import click

from services.users.app import create_app
from services.users.organizations import resync


@click.command("resync-memberships")
def resync_memberships() -> None:
    """Tell auth all memberships again, after its database was restored from a backup. Safe to repeat."""
    with create_app().app_context():
        click.echo(f"Announced {resync.resync()} memberships.")
