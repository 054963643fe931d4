"""What rests sealed in auth's database."""

from services.auth import kept_keys, signing_keys
from services.auth.deps import MAIL_REQUEST, TOTP
from services.auth.factor_models import KeptKey, SigningKey, TotpFactor
from services.auth.models import IdempotencyKey, Outbox, db
from services.auth.record_models import MailRequest
from shared.chassis.resealing import SealedColumn, chassis_columns

DATABASE = db
COLUMNS = (
    SealedColumn(SigningKey.sealed_private_key, signing_keys.PURPOSE),
    SealedColumn(KeptKey.sealed, kept_keys.PURPOSE),
    SealedColumn(TotpFactor.sealed_secret, TOTP),
    SealedColumn(MailRequest.sealed, MAIL_REQUEST),
    *chassis_columns(Outbox, IdempotencyKey),
)
