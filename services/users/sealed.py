"""What rests sealed in users' database."""

from services.users.exports.chunks import PURPOSE
from services.users.models import ExportChunk, IdempotencyKey, Outbox, db
from shared.chassis.resealing import SealedColumn, chassis_columns

DATABASE = db
COLUMNS = (*chassis_columns(Outbox, IdempotencyKey), SealedColumn(ExportChunk.sealed, PURPOSE))
