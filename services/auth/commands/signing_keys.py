"""auth's commands for signing keys, which `doorward` carries."""

from datetime import datetime

import click

from services.auth.app import create_app
from services.auth.commands.context import as_operator
from services.auth.models import db
from services.auth.signing_keys import rotation
from services.auth.signing_keys.key_pairs import KeyPair, signing_at
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction


@click.command("rotate-keys")
@click.option(
    "--algorithm",
    type=click.Choice(["EdDSA", "ES256", "RS256", "HS256"]),
    help="What to sign with (HS256: the shared secret). Default: the first other one of JWT_ALGORITHMS.",
)
def rotate_keys(algorithm: str | None) -> None:
    """Start to sign access tokens with a new key. Nothing is restarted, and no token is refused."""
    with as_operator(create_app()):
        try:
            signs_from = rotation.rotate(algorithm)
        except rotation.AlgorithmNotAccepted as error:
            raise click.ClickException(
                f"JWT_ALGORITHMS does not accept {error}: add it there, for every process."
            ) from error
        click.echo(f"The next key signs from {_moment(signs_from)}.")
        _show()


@click.command("list-keys")
def list_keys() -> None:
    """List the keys of access tokens, and until when each is accepted."""
    with as_operator(create_app()):
        _show()


@click.command("withdraw-key")
@click.argument("kid")
def withdraw_key(kid: str) -> None:
    """Refuse all tokens of the key KID from now on, since it has leaked. Another key replaces it."""
    with as_operator(create_app()):
        try:
            rotation.withdraw(kid)
        except rotation.KeyNotFound as error:
            raise click.BadParameter("there is no such key", param_hint="KID") from error
        _show()


def _show() -> None:
    with transaction(db):
        pairs = rotation.list_keys()
    now = utcnow()
    signing = signing_at(pairs, now)
    if signing is None:
        click.echo("The shared secret signs (HS256).")
    for pair in pairs:
        click.echo(f"{pair.kid}  {pair.algorithm}  {_standing(pair, signing, now)}")


def _standing(pair: KeyPair, signing: KeyPair | None, now: datetime) -> str:
    if signing is not None and pair.kid == signing.kid:
        return f"signs since {_moment(pair.signs_from)}"
    if not pair.is_accepted_at(now):
        return "no longer accepted"
    if pair.signs_from > now and (pair.signs_until is None or pair.signs_until > pair.signs_from):
        return f"published, signs from {_moment(pair.signs_from)}"
    return f"accepted until {_moment(pair.accepted_until)}" if pair.accepted_until else "accepted"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
