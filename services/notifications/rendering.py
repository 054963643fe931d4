"""From a template and its variables to subject, text and HTML. Pure but for reading the templates.

One file for each message and language fills the blocks of two layouts, so that text and HTML say the same.
HTML is escaped; a variable that is missing is an error and not a gap.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from services.notifications import phrases
from services.notifications.device_names import name_of
from shared.chassis import locales

DIRECTORY = Path(__file__).parent / "templates"
FALLBACK_LOCALE = "en"
LONGEST_SUBJECT = 200
_BETWEEN_PARAGRAPHS = re.compile(r"\n\s*\n")
_NEXT_PARAGRAPH = Markup('</p>\n<p dir="auto" style="margin:0 0 16px">')
_NEXT_LINE = Markup("<br>\n")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's content."""

    subject: str
    text: str
    html: str


@cache
def _environment(*, is_html: bool) -> Environment:
    environment = SandboxedEnvironment(
        loader=FileSystemLoader(DIRECTORY),
        autoescape=is_html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["paragraphs"] = _as_paragraphs if is_html else str
    return environment


def _as_paragraphs(text: str) -> Markup:
    """The paragraphs and lines of ``text``, as the text part shows them too."""
    paragraphs = _BETWEEN_PARAGRAPHS.split(text.replace("\r\n", "\n").strip())
    return _NEXT_PARAGRAPH.join(
        _NEXT_LINE.join(escape(line) for line in paragraph.split("\n")) for paragraph in paragraphs
    )


@cache
def languages_of(name: str) -> frozenset[str]:
    """The languages that the template ``name`` is written in."""
    return frozenset(path.parent.name for path in DIRECTORY.glob(f"*/{name}.jinja"))


def best_locale(name: str, locale: str) -> str:
    """The language that the mail ``name`` is written in for a reader of ``locale``."""
    return locales.best(locale, languages_of(name), FALLBACK_LOCALE)


def render(name: str, locale: str, variables: Mapping[str, str], *, greets: bool = True) -> Rendered:
    """The mail ``name``; raises jinja2's UndefinedError where a variable is missing."""
    language = best_locale(name, locale)
    path = f"{language}/{name}.jinja"
    values = _values(variables, language, greets=greets)
    plain = _environment(is_html=False).get_template(path)
    html = _environment(is_html=True).get_template(path)
    subject = " ".join(_block(plain, "subject", values).split())
    return Rendered(
        subject=subject[:LONGEST_SUBJECT],
        text=_tidy(plain.render(**values, layout="layout.txt")),
        html=html.render(**values, layout="layout.html", title=subject),
    )


def _values(variables: Mapping[str, str], language: str, *, greets: bool) -> dict[str, str]:
    """What a template is given: what others say is put into words of our own where they may not choose it."""
    name = variables.get("name") if greets else None
    own = {"lang": language, "greeting": phrases.greeting(name, language)}
    own["change"] = phrases.change(variables.get("change", ""), language)
    if "device" in variables:
        own["device"] = name_of(variables["device"], language)
    return {**variables, **own}


def _block(template: Template, block: str, values: Mapping[str, str]) -> str:
    return "".join(template.blocks[block](template.new_context(dict(values))))


def _tidy(text: str) -> str:
    """At most one empty line in a row: blocks that a mail leaves out leave no hole."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
