"""``doorward up``: the command. What it starts in which order is in ``run.py``."""

import asyncio
import os
import sys

import click

from deploy.local.env_file import Given
from deploy.local.errors import RunnerError, StartFailed
from deploy.local.folder import DataFolder
from deploy.local.run import Run


@click.command()
@click.option(
    "--json", "is_json", is_flag=True, help="Print one line of JSON when ready; the log goes to stderr."
)
def up(is_json: bool) -> None:
    """Run everything on this machine until Ctrl-C. The data is kept in .data.

    SIGHUP reads .env and the route file again, and restarts the processes whose settings have changed.
    """
    os.umask(0o022)  # the server's user has to pass through the folder; what is secret says so itself
    try:
        given = Given()
        settings, from_file = given.read()
        folder = DataFolder(settings.data_dir)
        try:
            run = Run(given, settings, folder, is_json=is_json)
            run.check(from_file)
            asyncio.run(run.until_stopped())
        except StartFailed:
            folder.refuse_full_disk()  # if that is why, it is the clearer sentence
            raise
        finally:
            folder.release()
    except RunnerError as error:
        click.echo(f"doorward: {error}", err=True)
        sys.exit(error.exit_code)
