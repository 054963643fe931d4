"""Under which URL a picture is shown."""

from flask import current_app

from services.users.settings import UsersSettings


def url_of(name: str) -> str:
    """The public URL of the picture that is stored as ``name``."""
    return f"{prefix()}{name}.webp"


def prefix() -> str:
    """What every URL of a picture of ours begins with."""
    settings: UsersSettings = current_app.extensions["doorward_settings"]
    return f"{str(settings.public_url).rstrip('/')}/api/v1/users/avatars/"
