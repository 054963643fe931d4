"""How a profile is shown: to everybody, to its owner, to administrators."""

from datetime import datetime
from typing import Any

import orjson

from services.users.avatars import addresses
from services.users.cache.profiles import Cached
from services.users.models import Profile

PUBLIC = ("id", "name", "avatar_url", "public_metadata")


def avatar_url(profile: Profile) -> str | None:
    """Where the picture of ``profile`` is, uploaded or elsewhere."""
    return addresses.url_of(profile.avatar_name) if profile.avatar_name else profile.avatar_url


def as_owned(profile: Profile) -> dict[str, Any]:
    """``profile`` as its owner sees it."""
    return {
        "id": str(profile.id),
        "name": profile.name,
        "avatar_url": avatar_url(profile),
        "public_metadata": profile.public_details,
        "email": profile.email,
        "locale": profile.locale,
        "timezone": profile.timezone,
        "is_active": profile.is_active,
        "roles": profile.roles,
        "metadata": profile.details,
        "created_at": _moment(profile.created_at),
        "updated_at": _moment(profile.updated_at),
    }


def as_administered(profile: Profile) -> dict[str, Any]:
    """``profile`` as an administrator sees it."""
    return {**as_owned(profile), "admin_metadata": profile.admin_details}


def public_part(shown: Cached) -> dict[str, Any]:
    """What anybody who is signed in sees of what its owner sees."""
    members = orjson.loads(shown.content)
    return {name: members[name] for name in PUBLIC}


def rendered(profile: Profile) -> Cached:
    """``profile`` as its owner sees it, in the form in which it is cached."""
    return Cached(profile.version, orjson.dumps(as_owned(profile)))


def rendered_for_administrators(profile: Profile) -> Cached:
    """``profile`` as an administrator sees it, which is never cached."""
    return Cached(profile.version, orjson.dumps(as_administered(profile)))


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
