"""The bodies of `/settings`."""

from marshmallow import fields, validate

from shared.chassis.schemas import Schema


class PasswordRuleSchema(Schema):
    """What a new password has to be."""

    minimum_length = fields.Integer(required=True)
    maximum_length = fields.Integer(required=True)
    minimum_score = fields.Integer(required=True, metadata={"description": "zxcvbn's, 0 to 4."})
    is_checked_for_breaches = fields.Boolean(required=True)


class OfferSchema(Schema):
    """What is offered to people without a session."""

    sign_up = fields.String(required=True, validate=validate.OneOf(["open", "invited", "closed"]))
    sign_up_domains = fields.List(
        fields.String(), required=True, metadata={"description": "Empty: addresses of any domain."}
    )
    sign_in = fields.List(fields.String(), required=True)
    second_factors = fields.List(fields.String(), required=True)
    password = fields.Nested(PasswordRuleSchema, required=True)
