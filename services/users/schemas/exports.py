"""The bodies of copies of all that is held on an account."""

from marshmallow import fields, validate

from shared.chassis.schemas import Schema, Timestamp

STATES = validate.OneOf(["waiting", "collected"])


class ExportSchema(Schema):
    """How far a copy is; one that is ready has ``document`` as well: by service, by table, the rows."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["collecting", "ready"]))
    services = fields.Dict(keys=fields.String(), values=fields.String(validate=STATES), required=True)
    created_at = Timestamp(required=True)
    expires_at = Timestamp(required=True)
    document = fields.Dict(keys=fields.String(), values=fields.Dict())


class ExportQuerySchema(Schema):
    """In which form a copy is wanted."""

    format = fields.String(load_default="json", validate=validate.OneOf(["json", "html"]))
