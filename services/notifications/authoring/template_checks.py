"""Whether a template can be taken as it is written. Pure."""

import re

from services.notifications.errors import TemplateInvalid
from services.notifications.rendering.catalog import TEMPLATES
from services.notifications.rendering.versions import Source
from services.notifications.templating.compiling import interface_of
from services.notifications.templating.environment import TemplateMistake
from services.notifications.templating.looks import Look
from services.notifications.templating.wordings import Wording

NAME = re.compile(r"[a-z0-9][a-z0-9_.\-]{0,63}")
ALWAYS_GIVEN = frozenset({"change", "organization"})  # perhaps empty


def check(name: str, source: Source, look: Look) -> None:
    """Raise TemplateInvalid with a sentence for each mistake."""
    mistakes = []
    if not NAME.fullmatch(name):
        mistakes.append(
            {"pointer": "/name", "detail": "Small letters, digits, `_`, `.` and `-`, at most 64."}
        )
    for locale, wording in source.languages.items():
        try:
            _check_wording(name, wording, look)
        except TemplateMistake as mistake:
            mistakes.append({"pointer": f"/languages/{locale}", "detail": str(mistake)})
    if mistakes or not source.languages:
        raise TemplateInvalid(errors=mistakes or None)


def _check_wording(name: str, wording: Wording, look: Look) -> None:
    interface = interface_of(wording, look)
    used = interface.required | interface.optional
    policy = TEMPLATES.get(name)
    if policy is None:
        return
    surplus = interface.required - policy.required - ALWAYS_GIVEN
    if surplus - policy.optional:
        raise TemplateMistake(f"this template has no variable `{min(surplus - policy.optional)}`")
    if surplus:
        raise TemplateMistake(f"`{min(surplus)}` is not always given: ask `is defined`, or give a default")
    if policy.holds_code and "code" not in used:
        raise TemplateMistake("a mail with a code has to show `code`")
