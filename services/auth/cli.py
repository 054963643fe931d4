"""auth's own commands, which `doorward` carries."""

import click
from marshmallow import ValidationError

from services.auth import accounts
from services.auth.app import create_app
from services.auth.errors import PasswordTooWeak
from services.auth.schemas.fields import Email


@click.command("create-admin")
@click.option("--email", required=True, help="The administrator's address.")
@click.option("--password", required=True, prompt=True, hide_input=True, confirmation_prompt=True)
def create_admin(email: str, password: str) -> None:
    """Make a verified administrator, or make an existing account one with this password."""
    with create_app().app_context():
        try:
            address = Email().deserialize(email)
            is_new = accounts.create_admin(email=address, password=password)
        except ValidationError as error:
            raise click.BadParameter(str(error.messages[0]), param_hint="--email") from error
        except PasswordTooWeak as error:
            reasons = " ".join(mistake["detail"] for mistake in error.errors or [])
            raise click.BadParameter(reasons or error.text, param_hint="--password") from error
    click.echo(f"{'Made' if is_new else 'Promoted'} the administrator {address}.")
