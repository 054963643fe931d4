"""The errors of this service that each operation may answer, by code.

Written by `python -m deploy.docs` from the code; a test fails where they differ.
"""

# What it passes on from another service, by code: the status and what the caller reads.
PASSED_ON: dict[str, tuple[int, str]] = {
    "account_not_found": (404, "There is no such account."),
    "invalid_credentials": (401, "The address or the password is wrong."),
    "last_administrator": (409, "This is the last administrator; make another one first."),
    "password_hashing_busy": (503, "Too many sign-ins at this moment; try again shortly."),
    "password_missing": (422, "Send the password of this account."),
    "too_many_attempts": (429, "Too many failed attempts; wait as long as Retry-After says."),
}

CODES: dict[str, tuple[str, ...]] = {
    "meShow": ("precondition_failed",),
    "meChange": (
        "metadata_too_large",
        "precondition_failed",
        "profile_not_found",
    ),
    "mePutAvatar": (
        "avatar_uploads_off",
        "avatars_unavailable",
        "metadata_too_large",
        "picture_not_supported",
        "picture_too_large",
        "pictures_busy",
        "precondition_failed",
        "profile_not_found",
    ),
    "meRemoveAvatar": (
        "avatar_uploads_off",
        "metadata_too_large",
        "precondition_failed",
        "profile_not_found",
    ),
    "meLeave": (
        "account_not_found",
        "invalid_credentials",
        "last_administrator",
        "password_hashing_busy",
        "password_missing",
        "sole_owner",
        "too_many_attempts",
    ),
    "meAskForExport": ("profile_not_found",),
    "meShowExport": (
        "export_not_found",
        "fresh_sign_in_required",
    ),
    "profilesSearch": ("role_required",),
    "profilesShow": (
        "precondition_failed",
        "profile_not_found",
    ),
    "profilesChange": (
        "metadata_too_large",
        "precondition_failed",
        "profile_not_found",
    ),
    "profilesShowStats": (
        "profile_not_found",
        "role_required",
    ),
    "avatarsShow": (
        "avatar_not_found",
        "avatar_uploads_off",
        "avatars_unavailable",
    ),
    "organizationsCreate": (
        "metadata_too_large",
        "organization_not_found",
        "profile_not_found",
        "slug_taken",
        "too_many_organizations",
    ),
    "organizationsShow": (
        "organization_not_found",
        "organization_role_required",
    ),
    "organizationsChange": (
        "metadata_too_large",
        "organization_not_found",
        "organization_role_required",
        "slug_taken",
    ),
    "organizationsDelete": (
        "organization_not_found",
        "organization_role_required",
    ),
    "organizationsTransfer": (
        "last_owner",
        "member_not_found",
        "organization_not_found",
        "organization_role_required",
    ),
    "organizationsShowEvents": (
        "organization_not_found",
        "organization_role_required",
    ),
    "organizationsShowMembers": (
        "organization_not_found",
        "organization_role_required",
    ),
    "organizationsChangeMember": (
        "last_owner",
        "member_not_found",
        "organization_not_found",
        "organization_role_required",
    ),
    "organizationsRemoveMember": (
        "last_owner",
        "member_not_found",
        "organization_not_found",
        "organization_role_required",
    ),
    "organizationsShowInvitations": (
        "organization_not_found",
        "organization_role_required",
    ),
    "organizationsInvite": (
        "invitations_used_up",
        "organization_not_found",
        "organization_role_required",
        "profile_not_found",
        "too_many_invitations",
    ),
    "organizationsRevokeInvitation": (
        "invitation_not_found",
        "organization_not_found",
        "organization_role_required",
    ),
    "invitationsAccept": ("invitation_not_found",),
    "invitationsDecline": ("invitation_not_found",),
}
