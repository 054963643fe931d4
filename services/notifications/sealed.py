"""What rests sealed in notifications' database."""

from services.notifications.deps import VARIABLES
from services.notifications.models import IdempotencyKey, Message, Outbox, db
from shared.chassis.resealing import SealedColumn, chassis_columns

DATABASE = db
COLUMNS = (
    SealedColumn(Message.sealed_variables, VARIABLES),
    *chassis_columns(Outbox, IdempotencyKey),
)
