"""The bodies of organizations, their members and their invitations."""

from typing import Any

import marshmallow
from marshmallow import fields, validate

from services.users.organizations import roles, slugs
from services.users.organizations.codes import CODE_DIGITS
from services.users.schemas.profiles import Metadata
from shared.chassis.address_field import EmailAddress
from shared.chassis.schemas import Pattern, PersonName, Schema, Secret, Timestamp

LONGEST_NAME = 100
LONGEST_TOKEN = 200
NOT_A_SLUG = "Use lower-case letters, digits and single hyphens between them."


def _role(**options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(roles.ROLES), **options)


def _slug() -> fields.String:
    checks = [validate.Length(1, slugs.LONGEST), Pattern(slugs.PATTERN, error=NOT_A_SLUG)]
    return fields.String(
        validate=checks,
        metadata={"description": "The short name in URLs, unique; made of the name if it is absent."},
    )


class NewOrganizationSchema(Schema):
    """An organization that the caller will own."""

    name = PersonName(maximum=LONGEST_NAME, required=True)
    slug = _slug()
    metadata = Metadata(metadata={"description": "Any JSON object of your own, up to 16 KiB and 5 levels."})


class OrganizationPatchSchema(Schema):
    """A merge patch (RFC 7396): members that are absent stay."""

    name = PersonName(maximum=LONGEST_NAME)
    slug = _slug()
    metadata = Metadata(allow_none=True, metadata={"description": "Merged into what is there; null empties."})


class OrganizationSchema(Schema):
    """An organization as its member sees it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    metadata = fields.Dict(required=True)
    role = _role(required=True, metadata={"description": "The caller's role."})
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class OrganizationPageSchema(Schema):
    """One page of the caller's organizations."""

    items = fields.List(fields.Nested(OrganizationSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class MembershipSchema(Schema):
    """An account in an organization."""

    organization_id = fields.UUID(required=True)
    account_id = fields.UUID(required=True)
    role = _role(required=True)
    joined_at = Timestamp(required=True)


class MemberSchema(MembershipSchema):
    """A member with what everybody may see of the profile."""

    name = fields.String(required=True, allow_none=True)
    avatar_url = fields.String(required=True, allow_none=True)


class MemberPageSchema(Schema):
    """One page of members."""

    items = fields.List(fields.Nested(MemberSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class MemberPatchSchema(Schema):
    """The member's new role."""

    role = _role(required=True)


class TransferSchema(Schema):
    """Who will own the organization."""

    account_id = fields.UUID(required=True, metadata={"description": "Another member."})


class NewInvitationSchema(Schema):
    """Whom to invite, and as what."""

    email = EmailAddress(required=True)
    role = _role(load_default=roles.MEMBER)


class InvitationSchema(Schema):
    """An invitation as the organization sees it."""

    id = fields.UUID(required=True)
    email = fields.Email(required=True)
    role = _role(required=True)
    status = fields.String(
        required=True, validate=validate.OneOf(["pending", "accepted", "declined", "revoked", "expired"])
    )
    invited_by = fields.UUID(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    expires_at = Timestamp(required=True)


class InvitationPageSchema(Schema):
    """One page of an organization's invitations."""

    items = fields.List(fields.Nested(InvitationSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class InvitingOrganizationSchema(Schema):
    """What whoever is invited sees of the organization."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)


class OwnInvitationSchema(Schema):
    """An invitation as whoever is invited sees it."""

    id = fields.UUID(required=True)
    organization = fields.Nested(InvitingOrganizationSchema, required=True)
    role = _role(required=True)
    created_at = Timestamp(required=True)
    expires_at = Timestamp(required=True)


class OwnInvitationPageSchema(Schema):
    """One page of the caller's open invitations."""

    items = fields.List(fields.Nested(OwnInvitationSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class AcceptSchema(Schema):
    """What proves the invitation: `token` of the link, or `id`, or `email` and `code` of the mail."""

    token = Secret(maximum=LONGEST_TOKEN, metadata={"description": "What the link of the mail carries."})
    id = fields.UUID(metadata={"description": "Of an invitation to the caller's verified address."})
    email = EmailAddress(metadata={"description": "The address that was invited; goes with `code`."})
    code = Secret(minimum=CODE_DIGITS, maximum=CODE_DIGITS, metadata={"description": "The code of the mail."})

    @marshmallow.validates_schema
    def one_proof(self, body: dict[str, Any], **_options: Any) -> None:
        """Refuse none and several."""
        if set(body) not in ({"token"}, {"id"}, {"email", "code"}):
            raise marshmallow.ValidationError("Send `token`, or `id`, or `email` with `code`.")


class OrganizationEventSchema(Schema):
    """What was done in an organization: by whom, and to whose membership."""

    id = fields.UUID(required=True)
    occurred_at = Timestamp(required=True)
    action = fields.String(required=True)
    actor_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Null: Doorward itself, or a deleted account."},
    )
    account_id = fields.UUID(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)
    details = fields.Dict(required=True)


class OrganizationEventPageSchema(Schema):
    """One page of an organization's audit log."""

    items = fields.List(fields.Nested(OrganizationEventSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
