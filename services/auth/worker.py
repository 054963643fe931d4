"""The auth worker: `celery -A services.auth.worker:celery worker`."""

from services.auth.app import create_app
from services.auth.extensions import messages
from services.auth.housekeeping import chores
from services.auth.models import Inbox, db
from services.auth.relays import new_relays
from services.auth.settings import AuthSettings
from services.auth.tasks import HANDLERS
from shared.chassis.messaging import new_worker

settings = AuthSettings.load()
app = create_app(settings)
celery = new_worker(
    app,
    settings,
    db,
    service="auth",
    outbox=messages,
    inbox_model=Inbox,
    handlers=HANDLERS,
    chores=chores(settings),
    more_relays=lambda _celery: new_relays(app, settings),
)
