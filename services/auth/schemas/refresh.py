"""The body of `/refresh`."""

from shared.chassis.schemas import Schema, Secret


class RefreshSchema(Schema):
    """A refresh token, unless the Authorization header carries it."""

    refresh_token = Secret(maximum=200)
