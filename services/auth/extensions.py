"""The unbound extensions of auth; ``app.create_app`` binds them."""

from pathlib import Path

from flask_limiter import Limiter
from flask_migrate import Migrate

from services.auth.clients import current_client
from services.auth.models import IdempotencyKey, Outbox, db
from shared.chassis import idempotency, outbox

migrate = Migrate(directory=Path(__file__).with_name("migrations"))
messages = outbox.Outbox(db, Outbox, service="auth")
idempotency_keys = idempotency.Idempotency(db, IdempotencyKey)
limiter = Limiter(key_func=lambda: current_client().network)
