"""The bodies of `/refusals`: why tries are refused."""

from marshmallow import fields

from services.auth.schemas.fields import Email
from shared.chassis.schemas import Schema, Timestamp


class RefusalSchema(Schema):
    """Why tries are being refused: what is counted, and how often that refused one."""

    kind = fields.String(required=True)
    failures = fields.Integer(required=True)
    refusals = fields.Integer(required=True)
    blocked_until = Timestamp(required=True, allow_none=True)


class RefusalQuerySchema(Schema):
    """Whose refusals: those of an address, known or not, or of a client address."""

    email = Email(load_default=None)
    ip = fields.IP(load_default=None)


class RefusalListSchema(Schema):
    """What is counted, the latest first; it comes on one page."""

    items = fields.List(fields.Nested(RefusalSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
