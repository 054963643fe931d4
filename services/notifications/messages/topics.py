"""The use cases on topics: what messages are about, and who may send about it.

Doorward's own topics stand here; those of teams in the database.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.notifications.errors import TopicBuiltIn, TopicCritical, TopicNotGiven, TopicUnknown
from services.notifications.models import Topic, db
from services.notifications.store import topics as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.errors import InvalidRequest
from shared.contracts import tokens

NAME = re.compile(tokens.TOPIC_NAME)
BUILT_IN: Mapping[str, dict[str, Any]] = {
    "general": {
        "name": "general",
        "title": {"en": "General", "de": "Allgemeines", "es": "General", "fr": "Général"},
        "is_critical": False,
        "channels": ["email"],
    },
    "security": {
        "name": "security",
        "title": {
            "en": "Security of your account",
            "de": "Sicherheit Ihres Kontos",
            "es": "Seguridad de su cuenta",
            "fr": "Sécurité de votre compte",
        },
        "is_critical": True,
        "channels": ["email"],
    },
}


def list_all() -> dict[str, Sequence[dict[str, Any]]]:
    """Every topic, by name."""
    shown = [*BUILT_IN.values(), *(_as_shown(topic) for topic in store.list_all())]
    return {"items": sorted(shown, key=lambda topic: topic["name"])}


def put(name: str, *, title: Mapping[str, str], is_critical: bool, channels: Sequence[str]) -> dict[str, Any]:
    """Make the topic, or change it; raises TopicBuiltIn for one of Doorward's own."""
    if name in BUILT_IN:
        raise TopicBuiltIn
    if not NAME.fullmatch(name):
        raise InvalidRequest.at("/name", "Small letters, digits, `_`, `.` and `-`, at most 64.")
    with transaction(db):
        topic = store.find_for_update(name) or store.add(Topic(name=name, created_at=utcnow()))
        topic.title, topic.is_critical, topic.channels = dict(title), is_critical, list(channels)
        return _as_shown(topic)


def check(name: str, given: Collection[str] | None) -> None:
    """Raise the error of a caller of the API who may not send about the topic.

    ``given``: the only topics that it may use; None: every one that is not critical. A team's own critical
    topic is for those that were given it by name, and one of Doorward's for nobody.
    """
    if given is not None and name not in given:
        raise TopicNotGiven
    topic = BUILT_IN.get(name) or _find(name)
    if topic is None:
        raise TopicUnknown
    if topic["is_critical"] and (given is None or name in BUILT_IN):
        raise TopicCritical


def _find(name: str) -> dict[str, Any] | None:
    topic = store.find(name)
    return _as_shown(topic) if topic is not None else None


def _as_shown(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "title": topic.title,
        "is_critical": topic.is_critical,
        "channels": topic.channels,
    }
