"""``doorward outbox``: the messages that a service has given up, shown, sent again or deleted.

What a message says stays sealed: its name, its ids and the request that caused it lead to the logs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

import click

from deploy.processes import SERVICES, load_settings

if TYPE_CHECKING:
    from shared.chassis.outbox import Outbox, OutboxMixin

SERVICE = click.argument("service", type=click.Choice(SERVICES))


@click.group()
def outbox() -> None:
    """List and resend the messages that a service could not deliver to another one."""


@outbox.command(name="list")
@SERVICE
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
def list_(service: str, limit: int) -> None:
    """List the dead messages of SERVICE, oldest first."""
    from shared.chassis import dead_messages

    with _outbox_of(service) as found:
        rows = dead_messages.find_all(found, limit=limit)
        for row in rows:
            click.echo(f"{row.message_id}  {row.name}  to {row.subscriber}  dead since {row.died_at}")
        click.echo(f"{len(rows)} dead")


@outbox.command()
@SERVICE
@click.argument("message_id", type=click.UUID)
def show(service: str, message_id: UUID) -> None:
    """Show one message of SERVICE, dead or waiting."""
    from shared.chassis import dead_messages

    with _outbox_of(service) as found:
        rows = dead_messages.find(found, message_id)
        if not rows:
            raise click.ClickException(f"{service} has no waiting or dead message {message_id}.")
        for row in rows:
            click.echo("\n".join(_lines(row)))


def _lines(row: "OutboxMixin") -> Iterator[str]:
    yield f"message        {row.message_id}"
    yield f"name           {row.name}"
    yield f"subscriber     {row.subscriber}"
    yield f"written        {row.created_at}"
    yield f"attempts       {row.attempts}"
    yield f"refused since  {row.refused_since or '-'}"
    yield f"dead since     {row.died_at or '-'}"
    yield f"request        {row.trace.get('X-Request-ID', '-')}"


@outbox.command()
@SERVICE
@click.argument("message_ids", type=click.UUID, nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every dead message of the service.")
def resend(service: str, message_ids: tuple[UUID, ...], is_all: bool) -> None:
    """Send dead messages of SERVICE again, as if they were new."""
    from shared.chassis import dead_messages
    from shared.chassis.clock import utcnow

    if is_all == bool(message_ids):
        raise click.UsageError("Name the messages, or use --all.")
    with _outbox_of(service) as found:
        count = dead_messages.resend(found, None if is_all else message_ids, utcnow())
    click.echo(f"Messages to be sent again: {count}")


@outbox.command()
@SERVICE
@click.argument("message_ids", type=click.UUID, nargs=-1, required=True)
def delete(service: str, message_ids: tuple[UUID, ...]) -> None:
    """Delete dead messages of SERVICE: their subscriber never learns what they say."""
    from shared.chassis import dead_messages

    with _outbox_of(service) as found:
        click.echo(f"{dead_messages.remove(found, message_ids)} deleted")


@contextmanager
def _outbox_of(service: str) -> Iterator["Outbox"]:
    app = import_module(f"services.{service}.app").create_app(load_settings(service))
    found: Outbox = import_module(f"services.{service}.extensions").messages
    with app.app_context():
        try:
            yield found
        finally:
            found.db.session.remove()
            found.db.engine.dispose()
