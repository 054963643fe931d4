"""The notifications worker: `celery -A services.notifications.worker:celery worker`."""

from services.notifications import tasks
from services.notifications.app import create_app
from services.notifications.extensions import messages
from services.notifications.housekeeping import chores
from services.notifications.models import Inbox, db
from services.notifications.relays import new_relays
from services.notifications.settings import NotificationsSettings
from shared.chassis.messaging import new_worker

settings = NotificationsSettings.load()
app = create_app(settings)
celery = new_worker(
    app,
    settings,
    db,
    service="notifications",
    outbox=messages,
    inbox_model=Inbox,
    handlers=tasks.HANDLERS,
    more_relays=lambda celery: new_relays(app, settings, celery),
    chores=chores(settings),
)
tasks.register(celery)
