"""The errors of users.

ApiError
├── NotFound      404  profile_not_found
├── StaleProfile  412  precondition_failed
└── InvalidRequest
    └── MetadataTooLarge  422  metadata_too_large
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
    """The merged metadata would exceed its bounds."""

    code = "metadata_too_large"
    detail = "The metadata is larger or deeper than allowed: 16 KiB, 5 levels."
