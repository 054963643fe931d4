"""The commands on deleted accounts: the list that is kept beside the backups, and its use after a restore."""

from datetime import UTC
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import click
import orjson
from marshmallow import ValidationError

from services.users.app import create_app
from services.users.departures import erasure
from services.users.departures.erasure import Departure
from shared.chassis.private_files import written
from shared.chassis.schemas import Timestamp


@click.group("deletions")
def deletions() -> None:
    """Keep the list of deleted accounts, and delete them again after a backup was restored."""


@deletions.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def export(file: Path, overwrite: bool) -> None:
    """Write the ids of all deleted accounts to FILE (NDJSON, mode 0600). Do it with every backup."""
    count = 0
    with create_app().app_context(), written(file, overwrite=overwrite) as lines:
        for departure in erasure.list_departures():
            lines.write(orjson.dumps(departure._asdict(), option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    click.echo(f"Wrote {count} deleted accounts.")


@deletions.command("replay")
@click.argument("file", type=click.File("rb"))
def replay(file: BinaryIO) -> None:
    """Delete the accounts in FILE again, in every service. Safe to repeat."""
    departures = [_read(number, line) for number, line in enumerate(file, start=1) if line.strip()]
    with create_app().app_context(), click.progressbar(length=len(departures), label="Accounts") as bar:
        count = erasure.replay(departures, progress=bar.update)
    click.echo(f"Deleted {count} accounts again.")


def _read(number: int, line: bytes) -> Departure:
    try:
        content = orjson.loads(line)
        moment = Timestamp().deserialize(content["deleted_at"])
        return Departure(UUID(content["account_id"]), moment.astimezone(UTC))
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"line {number} names no deleted account; nothing was changed") from error
