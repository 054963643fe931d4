"""What rests sealed in auth's database."""

from services.auth import secret_check
from services.auth.deps import MAIL_REQUEST, TOTP
from services.auth.models import IdempotencyKey, KeptKey, MailRequest, Outbox, SigningKey, TotpFactor, db
from shared.chassis.resealing import SealedColumn, chassis_columns

DATABASE = db
COLUMNS = (
    SealedColumn(SigningKey.sealed_private_key, secret_check.SIGNING_KEY),
    SealedColumn(KeptKey.sealed, secret_check.KEPT_KEY),
    SealedColumn(TotpFactor.sealed_secret, TOTP),
    SealedColumn(MailRequest.sealed, MAIL_REQUEST),
    *chassis_columns(Outbox, IdempotencyKey),
)
