"""What rests sealed in notifications' database."""

from services.notifications.models import IdempotencyKey, Message, Outbox, db
from services.notifications.secret_check import VARIABLES
from shared.chassis.resealing import SealedColumn, chassis_columns

DATABASE = db
COLUMNS = (
    SealedColumn(Message.sealed_variables, VARIABLES),
    *chassis_columns(Outbox, IdempotencyKey),
)
