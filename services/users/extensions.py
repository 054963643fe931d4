"""The unbound extensions of users; ``app.create_app`` binds them."""

from pathlib import Path

from flask_migrate import Migrate

from services.users.models import IdempotencyKey, Outbox, db
from shared.chassis import idempotency, outbox

migrate = Migrate(directory=Path(__file__).with_name("migrations"))
messages = outbox.Outbox(db, Outbox, service="users")
idempotency_keys = idempotency.Idempotency(db, IdempotencyKey)
