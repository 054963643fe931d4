"""The users worker: `celery -A services.users.worker:celery worker`."""

from services.users.app import create_app
from services.users.extensions import messages
from services.users.models import IdempotencyKey, Inbox, db
from services.users.settings import UsersSettings
from services.users.tasks import HANDLERS
from shared.chassis.housekeeping import delete_older
from shared.chassis.idempotency import KEPT_FOR
from shared.chassis.messaging import new_worker

settings = UsersSettings.load()
celery = new_worker(
    create_app(settings),
    settings,
    db,
    service="users",
    outbox=messages,
    inbox_model=Inbox,
    handlers=HANDLERS,
    chores=[delete_older(db, IdempotencyKey, IdempotencyKey.started_at, KEPT_FOR)],
)
