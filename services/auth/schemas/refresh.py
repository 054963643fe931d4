"""The body of `/refresh`."""

from marshmallow import fields

from shared.chassis.schemas import Schema, Secret


class RefreshSchema(Schema):
    """A refresh token, unless the Authorization header carries it, and what the session shall work for."""

    refresh_token = Secret(maximum=200)
    organization_id = fields.UUID(
        allow_none=True,
        metadata={
            "description": "The organization that the session works for from now on: access tokens have it "
            "with the role as `org`. Null: none. Absent: as before."
        },
    )
