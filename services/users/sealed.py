"""What rests sealed in users' database."""

from services.users.models import IdempotencyKey, Outbox, db
from shared.chassis.resealing import chassis_columns

DATABASE = db
COLUMNS = tuple(chassis_columns(Outbox, IdempotencyKey))
