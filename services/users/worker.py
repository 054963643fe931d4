"""The users worker: `celery -A services.users.worker:celery worker`."""

from services.users.app import create_app
from services.users.extensions import messages
from services.users.housekeeping import chores
from services.users.models import Inbox, db
from services.users.relays import new_relays
from services.users.settings import UsersSettings
from services.users.tasks import HANDLERS
from shared.chassis.messaging import new_worker

settings = UsersSettings.load()
app = create_app(settings)
celery = new_worker(
    app,
    settings,
    db,
    service="users",
    outbox=messages,
    inbox_model=Inbox,
    handlers=HANDLERS,
    more_relays=lambda _celery: new_relays(app, settings),
    chores=chores(),
)
