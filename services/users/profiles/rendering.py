"""How a profile is shown: to everybody, to its owner, to administrators. Pure."""

from datetime import datetime
from typing import Any

import orjson

from services.users.cache.profiles import Cached
from services.users.models import Profile


def as_public(profile: Profile) -> dict[str, Any]:
    """``profile`` as anybody who is signed in sees it."""
    return {"id": str(profile.id), "name": profile.name, "avatar_url": profile.avatar_url}


def as_owned(profile: Profile) -> dict[str, Any]:
    """``profile`` as its owner sees it."""
    return {
        "id": str(profile.id),
        "email": profile.email,
        "name": profile.name,
        "avatar_url": profile.avatar_url,
        "locale": profile.locale,
        "timezone": profile.timezone,
        "is_active": profile.is_active,
        "roles": profile.roles,
        "metadata": profile.details,
        "created_at": _moment(profile.created_at),
        "updated_at": _moment(profile.updated_at),
    }


def rendered(profile: Profile) -> Cached:
    """``profile`` as its owner sees it, in the form in which it is cached."""
    return Cached(profile.version, orjson.dumps(as_owned(profile)))


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
