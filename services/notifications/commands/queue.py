"""`doorward queue` and `doorward message`: what waits in notifications, and what became of one message."""

from collections.abc import Iterator
from uuid import UUID

import click

from services.notifications.commands.context import in_app
from services.notifications.errors import NotificationNotFound
from services.notifications.messages import overview
from services.notifications.models import WAITING, Delivery


@click.command()
def queue() -> None:
    """Show what waits in each lane, and what needs attention."""
    with in_app():
        found = overview.queue()
    for lane in found["lanes"].values():
        click.echo(
            f"{lane.lane:8} due {lane.due:>8}  sending {lane.sending:>5}  oldest {lane.oldest_seconds:.0f} s"
        )
    click.echo(f"scheduled or retrying later: {found['later']}")
    click.echo(f"attempts of workers that have stopped: {found['expired_leases']}")
    click.echo(f"outcome unknown, to be decided with /resolve or /resend: {found['outcome_unknown']}")


@click.command()
@click.argument("message_id", type=click.UUID)
def message(message_id: UUID) -> None:
    """Show the status and timeline of a message, without its content."""
    with in_app():
        try:
            found = overview.message(message_id)
        except NotificationNotFound as error:
            raise click.ClickException("There is no such message.") from error
        click.echo("\n".join(_lines(found["delivery"])))
    for event in found["timeline"]:
        words = [event["name"], event["server"], event["phase"], event["detail"]]
        click.echo(f"  {event['occurred_at']:%Y-%m-%d %H:%M:%S}  {'  '.join(word for word in words if word)}")


def _lines(delivery: Delivery) -> Iterator[str]:
    asked = delivery.message
    yield f"template  {asked.template}, version {asked.template_version}, {asked.locale}, topic {asked.topic}"
    yield f"to        {delivery.address}"
    yield f"status    {delivery.status}, {delivery.reason or 'no reason'}, lane {delivery.lane}"
    is_waiting = delivery.status in WAITING
    later = f", next at {delivery.next_attempt_at:%Y-%m-%d %H:%M:%S}" if is_waiting else ""
    yield f"attempts  {delivery.attempt_count}{later}"
