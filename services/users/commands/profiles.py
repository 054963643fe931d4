"""The commands on profiles, which `doorward` carries: imports and exports."""

from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click
from marshmallow import ValidationError

from services.users.app import create_app
from services.users.profiles import imports, listing
from services.users.schemas.import_lines import ImportedProfileSchema
from shared.chassis.private_files import written
from shared.chassis.schemas import Timestamp


class Moment(click.ParamType[datetime]):
    """A moment with its offset, as the API takes it."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment; fails with a sentence where it is none."""
        try:
            moment: datetime = Timestamp().deserialize(value)
        except ValidationError:
            self.fail(f"{value!r} is no moment such as 2026-01-31T00:00:00Z", param, ctx)
        return moment


@click.command("export-profiles")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("-q", "q", help="Part of the name or address.")
@click.option("--active/--inactive", "is_active", default=None, help="Only accounts in this state.")
@click.option("--role", help="Only accounts with this role.")
@click.option("--created-after", type=Moment(), help="Only accounts that were created after it.")
@click.option("--created-before", type=Moment(), help="Only accounts that were created before it.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def export_profiles(file: Path, overwrite: bool, **filters: Any) -> None:
    """Write the matching profiles to FILE (NDJSON, mode 0600), as administrators see them."""
    with create_app().app_context(), written(file, overwrite=overwrite) as lines:
        total, count = listing.count(**filters), 0
        with click.progressbar(length=total, label="Profiles") as bar:
            for line in listing.give_out(**filters):
                lines.write(line)
                count += 1
                bar.update(1)
    click.echo(f"Wrote {count} profiles.")


@click.command("import-profiles")
@click.argument("file", type=click.File("rb"))
def import_profiles(file: BinaryIO) -> None:
    """Change profiles as in FILE (NDJSON, as exported). Import the accounts first. Safe to repeat."""
    total = sum(1 for _ in file)
    file.seek(0)
    with create_app().app_context(), click.progressbar(length=total, label="Profiles") as bar:
        report = imports.take_in(
            file, load=ImportedProfileSchema().load, progress=lambda done: bar.update(done - bar.pos)
        )
    click.echo(f"Changed {report.changed}, refused {report.refused}.")
    for mistake in report.mistakes:
        click.echo(mistake, err=True)
    if report.refused:
        raise click.exceptions.Exit(1)
