"""The users worker: `celery -A services.users.worker:celery worker`."""

from datetime import timedelta

from services.users.app import create_app
from services.users.avatars import removal
from services.users.departures import erasure
from services.users.extensions import messages
from services.users.models import Export, IdempotencyKey, Inbox, Invitation, db
from services.users.relays import new_relays
from services.users.settings import UsersSettings
from services.users.tasks import HANDLERS
from shared.chassis.housekeeping import delete_older
from shared.chassis.idempotency import KEPT_FOR
from shared.chassis.messaging import new_worker

INVITATIONS_KEPT_FOR = timedelta(days=30)  # after they have expired

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
    chores=[
        removal.sweep,
        erasure.follow_up,
        delete_older(db, Export, Export.expires_at, timedelta(0)),
        delete_older(db, Invitation, Invitation.expires_at, INVITATIONS_KEPT_FOR),
        delete_older(db, IdempotencyKey, IdempotencyKey.started_at, KEPT_FOR),
    ],
)
