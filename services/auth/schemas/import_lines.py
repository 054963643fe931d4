"""One line of an import or export."""

from marshmallow import fields, validate

from services.auth.schemas.fields import Email, Locale
from shared.chassis.schemas import PersonName, Schema, Timestamp


class ImportedAccountSchema(Schema):
    """An account that comes from elsewhere."""

    email = Email(required=True)
    password_hash = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=1000))
    name = PersonName(minimum=0, load_default=None, allow_none=True)
    locale = Locale(load_default="en")
    roles = fields.List(fields.String(validate=validate.Length(max=32)), load_default=list)
    verified = fields.Boolean(load_default=False)
    active = fields.Boolean(load_default=True)
    created_at = Timestamp(load_default=None, allow_none=True)
