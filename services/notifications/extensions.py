"""The unbound extensions of notifications; ``app.create_app`` binds them."""

from pathlib import Path

from flask_mail import Mail
from flask_migrate import Migrate

from services.notifications.models import IdempotencyKey, Outbox, db
from shared.chassis import idempotency, outbox

migrate = Migrate(directory=Path(__file__).with_name("migrations"))
mail = Mail()
messages = outbox.Outbox(db, Outbox, service="notifications")
idempotency_keys = idempotency.Idempotency(db, IdempotencyKey, kept_while=IdempotencyKey.is_kept)
