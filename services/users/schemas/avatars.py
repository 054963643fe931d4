"""The bodies and queries of pictures."""

from typing import Any
from urllib.parse import urlsplit

import marshmallow
from flask import current_app
from marshmallow import fields, validate

from services.users.avatars import addresses
from services.users.avatars.decoder import SIDES
from services.users.settings import ANY_HOST, UsersSettings
from shared.chassis.schemas import HttpsUrl, Schema


class AvatarUrl(HttpsUrl):
    """Where a picture is: an https URL of a host that the operator allows, or what we show as one of ours."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if isinstance(value, str) and value.startswith(addresses.prefix()):
            return value
        url = super()._deserialize(value, attr, data, **options)
        settings: UsersSettings = current_app.extensions["doorward_settings"]
        if ANY_HOST not in settings.avatar_hosts and urlsplit(url).hostname not in settings.avatar_hosts:
            raise marshmallow.ValidationError("Pictures of this host are not allowed; upload the picture.")
        return url


class AvatarQuerySchema(Schema):
    """How large a picture is wanted."""

    size = fields.Integer(
        load_default=SIDES[0],
        validate=validate.OneOf(SIDES),
        metadata={"description": "The longest side in pixels."},
    )


class AvatarSchema(Schema):
    """Where the uploaded picture is shown."""

    avatar_url = fields.String(required=True)
