"""What several calls answer: what was begun, and the tokens of a session."""

from marshmallow import fields

from shared.chassis.schemas import Schema


class StatusSchema(Schema):
    """What was begun; the same whether or not the address is known."""

    status = fields.String(required=True)


class TokenPairSchema(Schema):
    """What a client holds of its session."""

    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    refresh_expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})


class CookieSessionSchema(Schema):
    """How long the cookies live that hold a browser's session."""

    expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    refresh_expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
