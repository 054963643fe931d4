"""Locales: language tags in canonical form (RFC 5646), and what language to fall back on (RFC 4647)."""

import re
from collections.abc import Collection, Iterator

LONGEST = 64
_LANGUAGE = r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
_SCRIPT = r"(?:-(?P<script>[a-z]{4}))?"
_REGION = r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
_VARIANTS = r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
_EXTENSIONS = r"(?P<extensions>(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*)"
_PRIVATE = r"(?P<private>(?:-x(?:-[a-z0-9]{1,8})+)?)"
_TAG = re.compile(_LANGUAGE + _SCRIPT + _REGION + _VARIANTS + _EXTENSIONS + _PRIVATE)
# RFC 5646 section 2.2.8: tags of before that fit no rule, as they are written today.
_IRREGULAR = {
    "en-gb-oed": "en-GB-oxendict",
    "i-klingon": "tlh",
    "i-lux": "lb",
    "i-navajo": "nv",
    "no-bok": "nb",
    "no-nyn": "nn",
    "zh-min-nan": "nan",
}


class LocaleInvalid(ValueError):
    """The text is no language tag."""


def canonical(text: str) -> str:
    """The tag in the usual letter case: ``de_at`` is ``de-AT``. Raises LocaleInvalid."""
    tag = text.strip().replace("_", "-").lower()
    tag = _IRREGULAR.get(tag, tag).lower()
    found = _TAG.fullmatch(tag) if len(tag) <= LONGEST and tag.isascii() else None
    if found is None or _repeats(found):
        raise LocaleInvalid("Not a language tag as RFC 5646 defines it.")
    script, region = found["script"], found["region"]
    parts = [found["language"], script.title() if script else None, region.upper() if region else None]
    return "-".join(part for part in parts if part) + "".join(
        found[name] for name in ("variants", "extensions", "private")
    )


def _repeats(found: re.Match[str]) -> bool:
    """Whether a variant or an extension stands there twice (RFC 5646 section 2.2.9)."""
    variants = found["variants"].split("-")[1:]
    singletons = re.findall(r"-([a-z0-9])(?=-)", found["extensions"])
    return len(variants) != len(set(variants)) or len(singletons) != len(set(singletons))


def candidates(tag: str) -> Iterator[str]:
    """``de-AT-1996``, then ``de-AT``, then ``de`` (RFC 4647 section 3.4); none for what is no tag."""
    try:
        parts = re.split(r"-[a-z0-9]-", canonical(tag), maxsplit=1)[0].split("-")
    except LocaleInvalid:
        return
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])


def best(tag: str, available: Collection[str], default: str) -> str:
    """The one of ``available`` that suits a reader of ``tag``; ``default`` where none does."""
    known = {name.lower(): name for name in available}
    return next((known[name.lower()] for name in candidates(tag) if name.lower() in known), default)
