"""The bodies of `/.well-known`."""

from marshmallow import fields

from shared.chassis.schemas import Schema


class KeySetSchema(Schema):
    """A JSON Web Key Set."""

    keys = fields.List(fields.Dict(), required=True)
