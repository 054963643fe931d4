"""From a version of a template and variables to subject, text and HTML. Pure.

A variable that is missing is an error and not a gap. What strangers choose is put into words of our own.
"""

from collections.abc import Mapping
from functools import lru_cache

from jinja2 import TemplateError

from services.notifications.rendering import phrases
from services.notifications.rendering.device_names import name_of
from services.notifications.rendering.versions import Source, Version
from services.notifications.templating.compiling import Rendered, compiled
from services.notifications.templating.looks import Look
from shared.chassis import locales, names

FALLBACK_LOCALE = "en"
# What a template can come to that cannot be rendered with the variables that it was given.
MISTAKES = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@lru_cache(maxsize=1024)
def best_locale(source: Source, locale: str) -> str:
    """The language that a mail is written in for a reader of ``locale``: English where there is no better."""
    available = source.languages.keys()
    default = FALLBACK_LOCALE if FALLBACK_LOCALE in available else min(available)
    return locales.best(locale, available, default)


def render(version: Version, locale: str, variables: Mapping[str, str], look: Look) -> Rendered:
    """The mail; raises one of MISTAKES, UndefinedError where a variable is missing."""
    language = best_locale(version.source, locale)
    return compiled(version.source.languages[language], look).render(_values(version, variables, language))


def _values(version: Version, variables: Mapping[str, str], language: str) -> dict[str, str]:
    """What a template is given."""
    template = version.template
    spoken = _spoken(language)
    name = variables.get("name") if template.greets else None
    own = {"lang": language, "greeting": phrases.greeting(name, spoken), "help": phrases.HELP[spoken]}
    if not template.is_internal:
        return {**variables, **own}
    if "name" in variables:
        own["name"] = names.greeting(name) or ""
    own["organization"] = names.greeting(variables.get("organization")) or ""
    own["change"] = phrases.change(variables.get("change", ""), spoken)
    if "device" in variables:
        own["device"] = name_of(variables["device"], spoken)
    return {**variables, **own}


@lru_cache(maxsize=1024)
def _spoken(language: str) -> str:
    """The language of our own words beside a wording in ``language``."""
    return locales.best(language, phrases.LANGUAGES, FALLBACK_LOCALE)
