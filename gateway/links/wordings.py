"""What the pages say, in the languages of the mails, and which of them a reader is shown; pure."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from shared.chassis import locales

FOLDER = Path(__file__).with_name("texts")
LANGUAGES = ("en", "de", "es", "fr")
DEFAULT = "en"

Wording = Mapping[str, Any]


@cache
def wording(language: str) -> Wording:
    """Every text in one of ``LANGUAGES``."""
    return tomllib.loads((FOLDER / f"{language}.toml").read_text())


def language_of(*, of_mail: str, accepted: str) -> str:
    """The language of the mail that led here; else the best that the browser asks for (Accept-Language)."""
    tags = [tag for tag, quality in parse_accept_header(accepted, LanguageAccept) if quality > 0]
    spoken = (locales.best(tag, LANGUAGES, "") for tag in (of_mail, *tags))
    return next(filter(None, spoken), DEFAULT)
