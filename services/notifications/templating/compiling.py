"""From what an author wrote to what renders a mail, and to what it takes from whoever sends one. Pure.

A wording and a look are values, so that what was compiled of them once serves every mail of a worker.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from markupsafe import Markup

from services.notifications.templating import markdown, markup, sizes, variables
from services.notifications.templating.environment import (
    FRAME,
    LAYOUT,
    TemplateEnvironment,
    TemplateMistake,
    as_paragraphs,
    environment,
    refuse_what_runs,
)
from services.notifications.templating.inlining import inlined, unmarked
from services.notifications.templating.looks import Look
from services.notifications.templating.variables import Variables
from services.notifications.templating.wordings import Wording

LONGEST_SUBJECT = 200
# Jinja's and Python's own errors: nested too deeply, what is no HTML, text that is added to a number.
_CANNOT_BE_READ = (
    *(TemplateError, RecursionError, AssertionError, ArithmeticError, AttributeError, LookupError),
    *(TypeError, ValueError),
)
_DOCUMENT = re.compile(r"\s*<(!doctype|html)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's content."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Interface:
    """The variables that a wording needs and takes, and those of them that are links."""

    required: frozenset[str]
    optional: frozenset[str]
    links: frozenset[str]


def interface_of(wording: Wording, look: Look) -> Interface:
    """What ``wording`` takes; raises TemplateMistake where it cannot be taken as it is written."""
    wording.check_form()
    try:
        found = _interface_of(wording, look)
        _try_out(compiled(wording, look), found)
    except TemplateSyntaxError as error:
        raise TemplateMistake(f"line {error.lineno}: {error.message}") from error
    except TemplateMistake:
        raise
    except _CANNOT_BE_READ as error:
        raise TemplateMistake(f"cannot be rendered: {error}") from error
    return found


def _interface_of(wording: Wording, look: Look) -> Interface:
    trees = [environment(look, is_html=False).parse(source) for source in _sources(wording)]
    for tree in trees:
        refuse_what_runs(tree)
        sizes.check(tree)
    if wording.blocks:
        _check_blocks(trees[0])
    links = _links(wording, look)
    found = variables.of(trees)
    if wording.blocks:
        found = _with_layout(found, look)
    return Interface(frozenset(found.required), frozenset(found.optional), links)


def _try_out(mail: "Compiled", interface: Interface) -> None:
    """Render with what is needed alone, and with all that is taken: a template is wrong before it is sent."""
    given = dict.fromkeys(["lang", "greeting", "help"], "x")
    for names in (interface.required, interface.required | interface.optional):
        mail.render(given | dict.fromkeys(names, "x"))


def _sources(wording: Wording) -> Iterator[str]:
    """Everything that Jinja reads."""
    if wording.blocks:
        yield wording.blocks
        return
    yield wording.subject
    yield _text(wording)
    yield _html(wording)


def _text(wording: Wording) -> str:
    return markdown.to_text(wording.markdown) if wording.markdown else wording.text


def _html(wording: Wording) -> str:
    return markdown.to_html(wording.markdown) if wording.markdown else wording.html


def _links(wording: Wording, look: Look) -> frozenset[str]:
    if wording.blocks:
        return markup.links_in(wording.blocks) | _links_of_layout(look)
    html = _html(wording)
    return markup.links_in(html, is_document=bool(_DOCUMENT.match(html)))


@lru_cache(maxsize=8)
def _links_of_layout(look: Look) -> frozenset[str]:
    names = (name for name in ("link",) if name in look.html_layout)
    return frozenset(names)


def _check_blocks(tree: nodes.Template) -> None:
    blocks = {block.name for block in tree.find_all(nodes.Block)}
    if not any(tree.find_all(nodes.Extends)):
        raise TemplateMistake(f"begin with `{{% extends {LAYOUT} %}}`")
    if "subject" not in blocks:
        raise TemplateMistake("the block `subject` is missing")


def _with_layout(found: Variables, look: Look) -> Variables:
    """What the layout shows where it is given belongs to what such a template takes."""
    for is_html in (False, True):
        source = look.html_layout if is_html else look.text_layout
        shown = variables.of([environment(look, is_html=is_html).parse(source)])
        found.optional |= shown.required | shown.optional
    found.optional -= found.required
    return found


@lru_cache(maxsize=512)
def compiled(wording: Wording, look: Look) -> "Compiled":
    """What renders ``wording``; raises jinja2's TemplateSyntaxError."""
    return Compiled(wording, look)


class Compiled:
    """One wording, ready to be rendered."""

    def __init__(self, wording: Wording, look: Look) -> None:
        self._plain = environment(look, is_html=False)
        self._escaped = environment(look, is_html=True)
        self._blocks = _both(wording.blocks, self._plain, self._escaped) if wording.blocks else None
        self._subject = self._plain.from_string(wording.subject)
        self._text = self._plain.from_string(_text(wording))
        html = _html(wording)
        self._html = self._escaped.from_string(html) if html else None
        self._is_document = bool(_DOCUMENT.match(html))

    def render(self, values: Mapping[str, str]) -> Rendered:
        """The mail; raises jinja2's TemplateError, UndefinedError where a variable is missing."""
        values = unmarked(values)
        if self._blocks is not None:
            return self._from_blocks(*self._blocks, values)
        subject = _one_line(self._subject.render(values))
        body = self._text.render(values)
        text = self._plain.get_template(FRAME).render({**values, "body": body})
        return Rendered(subject, _tidy(text), inlined(self._html_of(values, body, subject)))

    def _html_of(self, values: Mapping[str, str], text: str, title: str) -> str:
        if self._html is None:
            body = Markup('<p dir="auto">{}</p>').format(as_paragraphs(text))
        else:
            body = Markup(self._html.render(values))  # noqa: S704  (escaped as it was rendered)
        if self._is_document:
            return body
        return self._escaped.get_template(FRAME).render({**values, "body": body, "title": title})

    def _from_blocks(self, plain: Template, escaped: Template, values: Mapping[str, str]) -> Rendered:
        context = plain.new_context(dict(values))
        subject = _one_line("".join(plain.blocks["subject"](context)))
        html = escaped.render({**values, "title": subject})
        return Rendered(subject, _tidy(plain.render(values)), inlined(html))


def _both(source: str, plain: TemplateEnvironment, escaped: TemplateEnvironment) -> tuple[Template, Template]:
    return plain.from_string(source), escaped.from_string(source)


def _one_line(subject: str) -> str:
    return " ".join(subject.split())[:LONGEST_SUBJECT]


def _tidy(text: str) -> str:
    """At most one empty line in a row: blocks that a mail leaves out leave no hole."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
