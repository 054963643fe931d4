"""The errors of users.

ApiError
├── NotFound
│   ├── ProfileNotFound    404  profile_not_found
│   ├── ExportNotFound     404  export_not_found
│   ├── AvatarNotFound     404  avatar_not_found
│   └── AvatarUploadsOff   404  avatar_uploads_off
├── StaleProfile           412  precondition_failed
├── PictureNotSupported    415  picture_not_supported
├── InvalidRequest
│   ├── MetadataTooLarge   422  metadata_too_large
│   └── PictureTooLarge    422  picture_too_large
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
    """The merged metadata would exceed its bounds."""

    code = "metadata_too_large"
    detail = "The metadata is larger or deeper than allowed: 16 KiB, 5 levels."


class AvatarNotFound(errors.NotFound):
    """No picture is stored under this name."""

    code = "avatar_not_found"
    detail = "There is no such picture."


class AvatarUploadsOff(errors.NotFound):
    """The operator has named no place for pictures."""

    code = "avatar_uploads_off"
    detail = "Pictures cannot be uploaded here; set avatar_url to one that is elsewhere."


class PictureNotSupported(errors.ApiError):
    """What was uploaded is no picture that we read, whatever it calls itself."""

    status = 415
    code = "picture_not_supported"
    detail = "Send a PNG, JPEG, WebP or GIF that is whole."


class PictureTooLarge(errors.InvalidRequest):
    """The picture would take more memory or time than one may."""

    code = "picture_too_large"
    detail = "The picture has too many pixels: a JPEG may have 50 million, others 16 million."


class PicturesBusy(errors.Unavailable):
    """As many pictures as are decoded at once are being decoded."""

    code = "pictures_busy"
    detail = "Other pictures are being read; try again shortly."


class AvatarsUnavailable(errors.Unavailable):
    """The folder or the store of pictures does not answer."""

    code = "avatars_unavailable"
    detail = "The store of pictures does not answer; try again shortly."


class ExportNotFound(errors.NotFound):
    """The caller has no such copy, or it is too old."""

    code = "export_not_found"
    detail = "There is no such copy; ask for a new one."
