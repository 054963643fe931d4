"""The commands on accounts, which `doorward` carries: administrators, imports and exports."""

from pathlib import Path
from typing import BinaryIO

import click
from marshmallow import ValidationError

from services.auth.accounts import exports, first_administrator, imports
from services.auth.app import create_app
from services.auth.commands.context import as_operator
from services.auth.errors import PasswordBreached, PasswordTooWeak
from services.auth.schemas.fields import Email
from services.auth.schemas.import_lines import ImportedAccountSchema
from shared.chassis.private_files import written


@click.command("create-admin")
@click.option("--email", required=True, help="The administrator's address.")
@click.option("--password", help="The password of a new account; without it you are asked.")
@click.option(
    "--reset-password",
    is_flag=True,
    help="Replace the password of an existing account, and end its sessions.",
)
def create_admin(email: str, password: str | None, reset_password: bool) -> None:
    """Create a verified administrator, or make an existing account one, which keeps its password."""
    with as_operator(create_app()):
        try:
            address = Email().deserialize(email)
            is_new = _create(address, password, reset_password=reset_password)
        except ValidationError as error:
            raise click.BadParameter(str(error.messages[0]), param_hint="--email") from error
        except (PasswordTooWeak, PasswordBreached) as error:
            reasons = " ".join(mistake["detail"] for mistake in error.errors or [])
            raise click.BadParameter(reasons or error.text, param_hint="--password") from error
        except first_administrator.PasswordInTheWay as error:
            raise click.UsageError(
                "This account has another password: leave --password out, or add --reset-password."
            ) from error
    click.echo(f"{'Created' if is_new else 'Promoted'} the administrator {address}.")


def _create(address: str, password: str | None, *, reset_password: bool) -> bool:
    if reset_password and password is None:
        password = _ask()
    try:
        return first_administrator.create_admin(
            email=address, password=password, reset_password=reset_password
        )
    except first_administrator.PasswordMissing:
        return first_administrator.create_admin(email=address, password=_ask())


def _ask() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@click.command("import-accounts")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Check the file and report; change nothing.")
@click.option(
    "--allow-roles", is_flag=True, help="Accept roles in the file; without it, such lines are refused."
)
def import_accounts(file: BinaryIO, dry_run: bool, allow_roles: bool) -> None:
    """Create an account for every line of FILE (NDJSON). Safe to repeat: known addresses are skipped."""
    total = sum(1 for _ in file)
    file.seek(0)
    with as_operator(create_app()), click.progressbar(length=total, label="Accounts") as bar:
        report = imports.take_in(
            file,
            load=ImportedAccountSchema().load,
            is_dry_run=dry_run,
            allow_roles=allow_roles,
            progress=lambda done: bar.update(done - bar.pos),
        )
    verb = "Would create" if dry_run else "Created"
    click.echo(f"{verb} {report.made}, skipped {report.known}, refused {report.refused}.")
    for scheme, count in sorted(report.schemes.items()):
        click.echo(f"  {scheme}: {count}")
    for mistake in report.mistakes:
        click.echo(mistake, err=True)
    if report.refused:
        raise click.exceptions.Exit(1)


@click.command("export-accounts")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--factors", is_flag=True, help="Include authenticators, recovery codes and passkeys.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def export_accounts(file: Path, factors: bool, overwrite: bool) -> None:
    """Write every account with its hashes to FILE (NDJSON, mode 0600). Protect it like the database."""
    with as_operator(create_app()), written(file, overwrite=overwrite) as lines:
        count = 0
        for line in exports.give_out(with_factors=factors):
            lines.write(line)
            count += 1
    click.echo(f"Wrote {count} accounts.")


@click.command("resync")
def resync() -> None:
    """Send all accounts to the other services again. They create what they do not have; the rest stays."""
    with as_operator(create_app()):
        click.echo(f"Announced {imports.resync()} accounts.")
