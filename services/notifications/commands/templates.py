"""`doorward templates`: what mails say, as files that a team keeps with its code."""

from collections.abc import Mapping
from pathlib import Path

import click

from services.notifications.authoring import authoring, template_checks, template_files
from services.notifications.authoring.template_files import FilesInvalid
from services.notifications.commands.context import in_app
from services.notifications.errors import TemplateInvalid
from services.notifications.rendering.versions import Source
from services.notifications.templating import looks

FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def templates() -> None:
    """Edit templates as files: pull them, check them, push them."""


@templates.command()
@FOLDER
@click.option("--built-in", is_flag=True, help="Include Doorward's own templates, to change their texts.")
def pull(folder: Path, built_in: bool) -> None:
    """Write the templates of the database into FOLDER."""
    with in_app():
        found = authoring.sources(with_built_in=built_in)
    template_files.write(folder, found)
    click.echo(f"{len(found)} templates are in {folder}")


@templates.command()
@FOLDER
def check(folder: Path) -> None:
    """Check the templates in FOLDER, without a database."""
    found = _read(folder)
    _refuse(found)
    click.echo(f"{len(found)} templates can be pushed")


@templates.command()
@FOLDER
def push(folder: Path) -> None:
    """Use the templates in FOLDER for new messages: all of them, or none where one is wrong."""
    found = _read(folder)
    _refuse(found)
    with in_app():
        numbers = authoring.write_all(found)
    for name, number in numbers.items():
        click.echo(f"{name}: version {number}")


def _read(folder: Path) -> dict[str, Source]:
    try:
        return template_files.read(folder)
    except FilesInvalid as error:
        raise click.ClickException(str(error)) from error


def _refuse(found: Mapping[str, Source]) -> None:
    """End with a line for each mistake; the layouts that ours are replaced by do not matter here."""
    lines = []
    for name, source in found.items():
        try:
            template_checks.check(name, source, looks.look())
        except TemplateInvalid as error:
            lines += [f"{name}{mistake['pointer']}: {mistake['detail']}" for mistake in error.errors or []]
    if lines:
        raise click.ClickException("\n".join(lines))
