"""A version of a template: what it says in each language, and how its messages are delivered. Pure.

A version never changes; a message is rendered by the one that it was accepted with.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.notifications.lanes import NORMAL
from services.notifications.rendering.catalog import Template
from services.notifications.templating.wordings import Wording


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What an author decides about a template."""

    languages: Mapping[str, Wording]
    lane: str = NORMAL
    on_unknown: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The source as it is stored."""
        languages = {locale: wording.as_dict() for locale, wording in sorted(self.languages.items())}
        return {"languages": languages, "lane": self.lane, "on_unknown": self.on_unknown}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Source":
        """The source that was stored."""
        languages = {locale: Wording.of(members) for locale, members in stored["languages"].items()}
        return cls(languages, lane=stored["lane"], on_unknown=stored["on_unknown"])

    @property
    def hash(self) -> str:
        """The same for the same source, in every process."""
        content = orjson.dumps(self.as_dict(), option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(content, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version of the template ``name``, with all that decides on its messages."""

    name: str
    number: int
    template: Template
    source: Source = field(repr=False)
