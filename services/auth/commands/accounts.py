"""auth's own commands, which `doorward` carries."""

from typing import BinaryIO

import click
from marshmallow import ValidationError

from services.auth.accounts import directory, imports
from services.auth.app import create_app
from services.auth.commands.context import as_operator
from services.auth.errors import PasswordTooWeak
from services.auth.schemas.fields import Email
from services.auth.schemas.import_lines import ImportedAccountSchema


@click.command("create-admin")
@click.option("--email", required=True, help="The administrator's address.")
@click.option("--password", required=True, prompt=True, hide_input=True, confirmation_prompt=True)
def create_admin(email: str, password: str) -> None:
    """Make a verified administrator, or make an existing account one with this password."""
    with as_operator(create_app()):
        try:
            address = Email().deserialize(email)
            is_new = directory.create_admin(email=address, password=password)
        except ValidationError as error:
            raise click.BadParameter(str(error.messages[0]), param_hint="--email") from error
        except PasswordTooWeak as error:
            reasons = " ".join(mistake["detail"] for mistake in error.errors or [])
            raise click.BadParameter(reasons or error.text, param_hint="--password") from error
    click.echo(f"{'Made' if is_new else 'Promoted'} the administrator {address}.")


@click.command("import-accounts")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Read, check and report; make nothing.")
def import_accounts(file: BinaryIO, dry_run: bool) -> None:
    """Make an account of every line of FILE (NDJSON). Safe to repeat: known addresses are passed over."""
    total = sum(1 for _ in file)
    file.seek(0)
    with as_operator(create_app()), click.progressbar(length=total, label="Accounts") as bar:
        report = imports.take_in(
            file,
            load=ImportedAccountSchema().load,
            is_dry_run=dry_run,
            progress=lambda done: bar.update(done - bar.pos),
        )
    verb = "Would make" if dry_run else "Made"
    click.echo(f"{verb} {report.made}, known {report.known}, refused {report.refused}.")
    for scheme, count in sorted(report.schemes.items()):
        click.echo(f"  {scheme}: {count}")
    for mistake in report.mistakes:
        click.echo(mistake, err=True)
    if report.refused:
        raise click.exceptions.Exit(1)


@click.command("export-accounts")
@click.argument("file", type=click.File("wb"))
def export_accounts(file: BinaryIO) -> None:
    """Write every account to FILE (NDJSON), password hashes included: keep it as you keep the database."""
    with as_operator(create_app()):
        file.writelines(imports.give_out())
