"""The query of the list of profiles."""

from typing import Any

import marshmallow
from marshmallow import fields, validate
from webargs.fields import DelimitedList

from shared.chassis.address_field import EmailAddress
from shared.chassis.pagination import PageQuerySchema, Position
from shared.chassis.schemas import Text, Timestamp

MOST_IDS = 100
SORTS = [f"{sign}{key}" for key in ("created_at", "name", "email") for sign in ("", "-")]
Q = (
    "Part of the name or address; where nobody has it, a name that is written almost so. Of one or two "
    "characters: how a name or an address begins."
)


class ProfileQuerySchema(PageQuerySchema):
    """The filters of the administrators' list; or ``ids`` alone, which everybody who is signed in may ask."""

    ids = DelimitedList(
        fields.UUID(),
        validate=validate.Length(1, MOST_IDS),
        metadata={"description": f"Up to {MOST_IDS} ids of accounts, separated by commas; no other filter."},
    )

    cursor = Position(load_default=None, metadata={"type": "string"})
    q = Text(maximum=200, load_default=None, metadata={"description": Q})
    email = EmailAddress(load_default=None, metadata={"description": "The exact address."})
    is_active = fields.Boolean(load_default=None)
    created_after = Timestamp(load_default=None)
    created_before = Timestamp(load_default=None)
    email_prefix = Text(maximum=320, load_default=None, metadata={"description": "How the address begins."})
    role = Text(maximum=64, load_default=None, metadata={"description": "Only accounts with this role."})
    sort = fields.String(load_default="-created_at", validate=validate.OneOf(SORTS))

    @marshmallow.validates_schema(pass_original=True)
    def ids_stand_alone(self, query: dict[str, Any], asked: Any, **_options: Any) -> None:
        """Refuse filters beside ``ids``, which would not be applied."""
        if "ids" in query and set(asked) != {"ids"}:
            raise marshmallow.ValidationError("`ids` goes with no other filter.", "ids")
