"""From a template and its variables to subject, text and HTML. Pure but for reading the templates.

One file a mail and language fills the blocks of two layouts, so that text and HTML say the same. HTML is
escaped; a variable that is missing is an error and not a gap.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.notifications.device_names import name_of

DIRECTORY = Path(__file__).parent / "templates"
FALLBACK_LOCALE = "en"
LONGEST_SUBJECT = 200
# A stranger chooses the name. One that looks like an address of a page would make the sign-up form a relay
# for somebody's advertisements. What else a stranger chooses, the User-Agent, is named in our own words.
_LOOKS_LIKE_A_LINK = re.compile(r"://|www\.|\w\.\w{2,}|@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's content."""

    subject: str
    text: str
    html: str


@cache
def _environment(*, is_html: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(DIRECTORY),
        autoescape=is_html,  # noqa: S701  (plain text is not escaped)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _candidates(locale: str) -> Iterator[str]:
    """``de-AT``, ``de``, ``en``: the first that there is."""
    parts = locale.replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])
    yield FALLBACK_LOCALE


def best_locale(name: str, locale: str) -> str:
    """The language that the mail ``name`` is written in for a reader of ``locale``."""
    available = {path.parent.name for path in DIRECTORY.glob(f"*/{name}.jinja")}
    return next(candidate for candidate in _candidates(locale) if candidate in available)


def _safe_name(name: str) -> str:
    return "" if _LOOKS_LIKE_A_LINK.search(name) else name


def render(name: str, locale: str, variables: Mapping[str, str]) -> Rendered:
    """The mail ``name``; raises jinja2's UndefinedError where a variable is missing."""
    language = best_locale(name, locale)
    path = f"{language}/{name}.jinja"
    values = {**variables, "name": _safe_name(variables.get("name", "")), "lang": language}
    if "device" in values:
        values["device"] = name_of(values["device"], language)
    plain = _environment(is_html=False).get_template(path)
    html = _environment(is_html=True).get_template(path)
    subject = " ".join(_block(plain, "subject", values).split())
    return Rendered(
        subject=subject[:LONGEST_SUBJECT],
        text=_tidy(plain.render(**values, layout="layout.txt")),
        html=html.render(**values, layout="layout.html", title=subject),
    )


def _block(template: Template, block: str, values: Mapping[str, str]) -> str:
    return "".join(template.blocks[block](template.new_context(dict(values))))


def _tidy(text: str) -> str:
    """At most one empty line in a row: blocks that a mail leaves out leave no hole."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
