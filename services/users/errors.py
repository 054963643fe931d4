"""The errors of users.

ApiError
├── NotFound
│   ├── ProfileNotFound    404  profile_not_found
│   ├── ExportNotFound     404  export_not_found
│   ├── AvatarNotFound     404  avatar_not_found
│   ├── AvatarUploadsOff   404  avatar_uploads_off
│   ├── OrganizationNotFound    404  organization_not_found
│   ├── MemberNotFound     404  member_not_found
│   └── InvitationNotFound 404  invitation_not_found
├── Conflict
│   ├── SlugTaken          409  slug_taken
│   ├── LastOwner          409  last_owner
│   ├── SoleOwner          409  sole_owner
│   ├── TooManyOrganizations    409  too_many_organizations
│   └── TooManyInvitations 409  too_many_invitations
├── StaleProfile           412  precondition_failed
├── PictureNotSupported    415  picture_not_supported
├── InvalidRequest
│   ├── MetadataTooLarge   422  metadata_too_large
│   └── PictureTooLarge    422  picture_too_large
├── InvitationsUsedUp      429  invitations_used_up
└── Unavailable
    ├── PicturesBusy       503  pictures_busy
    └── AvatarsUnavailable 503  avatars_unavailable
"""

from shared.chassis import errors


class ProfileNotFound(errors.NotFound):
    """No account has this id."""

    code = "profile_not_found"
    detail = "There is no such profile."


class StaleProfile(errors.ApiError):
    """If-Match names another version than the stored one (RFC 9110 section 13.1.1)."""

    status = 412
    code = "precondition_failed"
    detail = "The profile has changed since; read it again."


class MetadataTooLarge(errors.InvalidRequest):
    """The merged metadata would exceed its limits."""

    code = "metadata_too_large"
    detail = "The metadata is larger or deeper than allowed: 16 KiB, 5 levels."


class AvatarNotFound(errors.NotFound):
    """No picture is stored under this name."""

    code = "avatar_not_found"
    detail = "There is no such picture."


class AvatarUploadsOff(errors.NotFound):
    """Uploads of pictures are not configured."""

    code = "avatar_uploads_off"
    detail = "Pictures cannot be uploaded here; set avatar_url to one that is elsewhere."


class PictureNotSupported(errors.ApiError):
    """The upload is not a supported picture, whatever its type says."""

    status = 415
    code = "picture_not_supported"
    detail = "Send a complete PNG, JPEG, WebP or GIF."


class PictureTooLarge(errors.InvalidRequest):
    """The picture has too many pixels."""

    code = "picture_too_large"
    detail = "The picture has too many pixels: a JPEG may have 50 million, others 16 million."


class PicturesBusy(errors.Unavailable):
    """The maximum number of pictures is being processed."""

    code = "pictures_busy"
    detail = "Too many pictures are being processed; try again shortly."


class AvatarsUnavailable(errors.Unavailable):
    """The folder or the store of pictures does not answer."""

    code = "avatars_unavailable"
    detail = "The store of pictures does not answer; try again shortly."


class ExportNotFound(errors.NotFound):
    """The caller has no such copy, or it is too old."""

    code = "export_not_found"
    detail = "There is no such copy; ask for a new one."


class OrganizationNotFound(errors.NotFound):
    """No organization has this id, or the caller is not a member of it."""

    code = "organization_not_found"
    detail = "There is no such organization, or you are not a member of it."


class MemberNotFound(errors.NotFound):
    """The account is not a member of the organization."""

    code = "member_not_found"
    detail = "The organization has no such member."


class InvitationNotFound(errors.NotFound):
    """The invitation is unknown, used, revoked, expired or somebody else's; the answer does not say which."""

    code = "invitation_not_found"
    detail = "There is no such invitation for you, or it was used or revoked, or it has expired."


class SlugTaken(errors.Conflict):
    """Another organization has the slug."""

    code = "slug_taken"
    detail = "Another organization uses this slug; choose another one."


class LastOwner(errors.Conflict):
    """The organization would have no owner."""

    code = "last_owner"
    detail = "The organization needs an owner: make somebody else its owner first, or delete it."


class SoleOwner(errors.Conflict):
    """The account is the only owner of organizations that have other members."""

    code = "sole_owner"
    detail = "You are the only owner of some organizations: give them another owner first, or delete them."


class TooManyOrganizations(errors.Conflict):
    """The account owns the maximum number of organizations."""

    code = "too_many_organizations"
    detail = "This account owns the maximum number of organizations; delete one, or give it to another owner."


class TooManyInvitations(errors.Conflict):
    """The organization has the maximum number of open invitations."""

    code = "too_many_invitations"
    detail = "Too many invitations of this organization are open; revoke some that are not needed any more."


class InvitationsUsedUp(errors.TooManyRequests):
    """The account has sent the maximum number of invitations for a day."""

    code = "invitations_used_up"
    detail = "You have sent the maximum number of invitations for a day; try again later."
