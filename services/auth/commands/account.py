"""The commands on one account: `doorward account find|show|disable|unblock|sign-out|reset-factors`."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from marshmallow import ValidationError

from services.auth.accounts import refusals, support
from services.auth.app import create_app
from services.auth.commands.context import as_operator
from services.auth.models import Account
from services.auth.schemas.accounts import AccountSchema
from services.auth.schemas.fields import Email
from shared.chassis.errors import ApiError

MOST_FOUND = 50


@click.group("account")
def account() -> None:
    """Find and manage an account."""


@contextmanager
def _working() -> Iterator[None]:
    """Work as the operator; what cannot be done is said in a sentence."""
    with as_operator(create_app()):
        try:
            yield
        except ApiError as error:
            raise click.ClickException(error.text) from error


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    with create_app().app_context():
        try:
            return str(Email().deserialize(value))
        except ValidationError as error:
            raise click.BadParameter(str(error.messages[0])) from error


EMAIL = click.argument("email", callback=_address)


@account.command("find")
@click.argument("beginning")
def find(beginning: str) -> None:
    """List accounts whose address begins with BEGINNING."""
    with _working():
        for found in support.find(beginning, MOST_FOUND):
            click.echo(_line(found))


def _line(found: Account) -> str:
    state = "active" if found.is_active else "disabled"
    proven = "verified" if found.verified_at else "not verified"
    return f"{found.id}  {found.email}  {state}, {proven}  {' '.join(found.roles)}".rstrip()


@account.command("show")
@EMAIL
def show(email: str) -> None:
    """Show the account, and why sign-ins to it are refused."""
    with _working():
        found = support.get(email)
        for name, value in AccountSchema().dump(found).items():
            shown = ", ".join(value) if isinstance(value, list) else value
            click.echo(f"{name}: {'' if shown is None else shown}".rstrip())
        for refusal in refusals.list_refusals(found):
            click.echo(f"counted: {refusal.kind}, refused {refusal.refusals} times")


@account.command("disable")
@EMAIL
def disable(email: str) -> None:
    """End all sessions and refuse every sign-in; not for the last administrator."""
    with _working():
        support.switch(email, is_active=False)
        click.echo(f"Disabled {email}.")


@account.command("enable")
@EMAIL
def enable(email: str) -> None:
    """Let a disabled account sign in again."""
    with _working():
        support.switch(email, is_active=True)
        click.echo(f"Enabled {email}.")


@account.command("unblock")
@EMAIL
def unblock(email: str) -> None:
    """Reset the account's counts of failed sign-ins."""
    with _working():
        refusals.forgive(support.get(email).id)
        click.echo(f"Unblocked {email}.")


@account.command("sign-out")
@EMAIL
def sign_out(email: str) -> None:
    """End all sessions."""
    with _working():
        support.sign_out_everywhere(email)
        click.echo(f"Signed {email} out everywhere.")


@account.command("reset-factors")
@EMAIL
def reset_factors(email: str) -> None:
    """Remove the authenticator, recovery codes and passkeys of somebody who lost them."""
    with _working():
        support.reset_factors(email)
        click.echo(f"Removed the second factors of {email}.")
