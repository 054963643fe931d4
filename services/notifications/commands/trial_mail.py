"""`doorward send-test-mail`: whether the mail servers take a mail, and what they say if not."""

from uuid import uuid4

import click

from services.notifications.app import create_app
from services.notifications.delivery.sender import Sender, new_message_id
from services.notifications.deps import deps
from services.notifications.lanes import NORMAL
from services.notifications.settings import NotificationsSettings
from services.notifications.smtp.outlets import Outlet
from services.notifications.smtp.refusals import OutcomeUnknown, Refused
from services.notifications.templating.compiling import Rendered

SUBJECT = "Test mail of Doorward"
TEXT = "Doorward can send mail by this server."


class _Unrecorded:
    """The handover of a mail that nobody waits for."""

    lane = NORMAL

    def __init__(self, seconds: float) -> None:
        self.left_seconds = seconds

    def note(self, server: str) -> None:
        """Nothing depends on the outcome."""


@click.command()
@click.argument("address")
@click.option("--server", help="Only through this server of NOTIFICATIONS_SMTP_SERVERS.")
def send_test_mail(address: str, server: str | None) -> None:
    """Send a mail to ADDRESS through each mail server, without the queue, and print each answer.

    Exits with 1 if a server did not accept it.
    """
    settings = NotificationsSettings.load()
    app = create_app(settings)
    with app.app_context():
        outlets = [one for one in deps().sender.outlets if server in {None, one.server.name}]
        if not outlets:
            raise click.ClickException(f"There is no mail server {server!r} in the settings.")
        outcomes = [_try(settings, outlet, address) for outlet in outlets]
    if not all(outcomes):
        raise SystemExit(1)


def _try(settings: NotificationsSettings, outlet: Outlet, address: str) -> bool:
    """Whether the server has taken the mail; what it said is printed."""
    name = f"{outlet.server.name} ({outlet.server.host}:{outlet.server.port}, {outlet.server.security})"
    content = Rendered(subject=SUBJECT, text=TEXT, html=f"<p>{TEXT}</p>")
    sender = Sender(*settings.sender, [outlet], crowd=deps().crowd)
    message_id = new_message_id(uuid4(), settings.sender[1])
    handover = _Unrecorded(settings.smtp_timeout_seconds)
    try:
        answer = sender.send(content, to_email=address, message_id=message_id, handover=handover)
    except Refused as error:
        click.echo(f"{name}: refused at {error.phase}: {error.code} {error.text}")
        return False
    except OutcomeUnknown as error:
        click.echo(f"{name}: the mail may have been accepted, but the answer did not arrive: {error}")
        return False
    finally:
        outlet.close()
    click.echo(f"{name}: {answer}")
    return True
