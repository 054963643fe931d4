"""One line of an import of profiles."""

from typing import Any

import marshmallow
from marshmallow import fields

from services.users.avatars import addresses
from services.users.schemas.profiles import AdministeredPatchSchema
from shared.chassis.address_field import EmailAddress

# What an export shows and auth owns, or what the import itself decides.
_PASSED_OVER = frozenset({"is_active", "roles", "created_at", "updated_at"})


class ImportedProfileSchema(AdministeredPatchSchema):
    """A line of an export, or less of one: the account by ``id`` or else ``email``, and what to change.

    An uploaded picture is no part of the file: what we show of one of ours stays out.
    """

    id = fields.UUID()
    email = EmailAddress()

    @marshmallow.pre_load
    def _leave_out(self, line: Any, **_options: Any) -> dict[str, Any]:
        """Refuse a line that is JSON and no object, and leave out what is not imported."""
        if not isinstance(line, dict):
            raise marshmallow.ValidationError("A line is one JSON object.")
        kept = {name: value for name, value in line.items() if name not in _PASSED_OVER}
        if str(kept.get("avatar_url", "")).startswith(addresses.prefix()):
            del kept["avatar_url"]
        return kept

    @marshmallow.validates_schema
    def _names_an_account(self, line: dict[str, Any], **_options: Any) -> None:
        """Refuse a line that is about nobody."""
        if not line.keys() & {"id", "email"}:
            raise marshmallow.ValidationError("Name the account by id or email.", "id")
