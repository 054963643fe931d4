"""The use cases on pictures that accounts show: upload one, show it to everybody, remove it."""

import re
from uuid import UUID

from services.users.avatars import addresses, pictures, removal
from services.users.avatars.decoder import SIDES
from services.users.avatars.removal import file_name
from services.users.errors import AvatarNotFound
from services.users.models import db
from services.users.profiles import changes, reading
from services.users.store import avatars as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction

_NAME = re.compile("[0-9a-f]{64}")


def put(account_id: UUID, content: bytes) -> str:
    """Have the account show this picture; its URL.

    Raises PictureNotSupported, PictureTooLarge, PicturesBusy, AvatarsUnavailable, AvatarUploadsOff.
    """
    files = removal.files()
    reading.get_own(account_id)
    rendered = pictures.render(content)
    name = pictures.address_of(account_id, rendered)
    with transaction(db):
        store.note(name, account_id, utcnow())
    for side, picture in zip(SIDES, rendered, strict=True):
        files.put(file_name(name, side), picture)
    changes.change(account_id, {"avatar_url": None, "avatar_name": name}, expected_versions=None)
    return addresses.url_of(name)


def remove(account_id: UUID) -> None:
    """Have the account show no picture, and delete the one it showed."""
    reading.get_own(account_id)
    with transaction(db):
        shown = store.find_shown(account_id)
        name, stored_at = (shown.name, shown.stored_at) if shown else (None, utcnow())
    changes.change(account_id, {"avatar_url": None}, expected_versions=None)
    if name is not None:
        removal.delete_unused(name, stored_until=stored_at)


def get(name: str, side: int) -> bytes:
    """The picture; raises AvatarNotFound, AvatarsUnavailable, AvatarUploadsOff."""
    content = removal.files().get(file_name(name, side)) if _NAME.fullmatch(name) else None
    if content is None:
        raise AvatarNotFound
    return content
