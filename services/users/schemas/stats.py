"""The body of statistics."""

from marshmallow import fields

from shared.chassis.schemas import Schema, Timestamp


class StatsSchema(Schema):
    """What the services count of an account."""

    id = fields.UUID(required=True)
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String(), values=fields.Integer()),
        required=True,
        metadata={"description": "By service, by what is counted."},
    )
    gaps = fields.List(
        fields.String(), required=True, metadata={"description": "The services that did not answer in time."}
    )
    counted_at = Timestamp(required=True)
