"""The notifications worker: `celery -A services.notifications.worker:celery worker`."""

from celery import Celery

from services.notifications import acceptance, bells, tasks
from services.notifications.app import create_app
from services.notifications.extensions import messages
from services.notifications.housekeeping import chores
from services.notifications.models import Inbox, db
from services.notifications.settings import NotificationsSettings
from shared.chassis.messaging import new_worker
from shared.chassis.relay import Relay

settings = NotificationsSettings.load()
app = create_app(settings)


def relays(celery: Celery) -> list[Relay]:
    """The relay that rings the bells of the lanes."""
    step = lambda: bells.relay(celery)  # noqa: E731
    url = settings.sqlalchemy_url
    return [Relay(app, name="deliveries", channel=acceptance.CHANNEL, database_url=url, step=step)]


celery = new_worker(
    app,
    settings,
    db,
    service="notifications",
    outbox=messages,
    inbox_model=Inbox,
    handlers=tasks.HANDLERS,
    more_relays=relays,
    chores=chores(settings),
)
tasks.register(celery)
