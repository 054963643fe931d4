"""The Jinja that templates are written in: sandboxed, strict, and without what could run for long.

Authors are administrators, and variables come from programs: so a template can read its variables, choose by
them and format them, and nothing else. No function can be called, nothing is looped over, and no filter turns
text into markup; what is HTML is escaped.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from jinja2 import DictLoader, StrictUndefined, nodes
from jinja2.runtime import BlockReference
from jinja2.sandbox import SandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from services.notifications.templating.inlining import MARK, marked
from services.notifications.templating.looks import SHOWN, Look

LAYOUT = "layout"  # the name that a template extends
FRAME = "frame"
_FILTERS = frozenset(
    {
        *("capitalize", "d", "default", "e", "escape", "first", "forceescape", "last", "length", "lower"),
        *("paragraphs", "replace", "title", "trim", "truncate", "upper", "urlencode", "wordcount"),
    }
)
_TESTS = frozenset({"defined", "undefined", "eq", "ne", "equalto", "in", "lower", "upper"})
_REFUSED = (
    nodes.For,
    nodes.Macro,
    nodes.CallBlock,
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.Call,
    nodes.Pow,
    nodes.Mul,
    nodes.Mod,
)
_BETWEEN_PARAGRAPHS = re.compile(r"\n\s*\n")
_NEXT_PARAGRAPH = Markup('</p>\n<p dir="auto">')
_NEXT_LINE = Markup("<br>\n")


class TemplateMistake(ValueError):
    """A template cannot be taken as it is written; the text says why."""


class TemplateEnvironment(SandboxedEnvironment):
    """The sandbox with nothing to call but the layout's own blocks."""

    def is_safe_callable(self, obj: Any) -> bool:
        """Only `super()`: methods of text can make gigabytes of it."""
        return isinstance(obj, BlockReference)

    def compile(self, source: Any, *args: Any, **options: Any) -> Any:
        """The code of a template, with what it shows of the brand written into it."""
        tree = self.parse(source) if isinstance(source, str) else source
        return super().compile(_BrandWriter(self).visit(tree), *args, **options)


class _BrandWriter(NodeTransformer):
    """Puts words for `brand.name` and its like, which are the same in every mail of an installation."""

    def __init__(self, environment: TemplateEnvironment) -> None:
        self._environment = environment

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802  (as Jinja calls it)
        """The words; the sandbox judges what the brand does not show."""
        self.generic_visit(node)
        is_brand = isinstance(node.node, nodes.Name) and node.node.name == "brand"
        if not is_brand or node.attr not in SHOWN:
            return node
        words = getattr(self._environment.globals["brand"], node.attr).replace(MARK, "")
        return nodes.Const(words, lineno=node.lineno, environment=self._environment)


@lru_cache(maxsize=8)
def environment(look: Look, *, is_html: bool) -> TemplateEnvironment:
    """The environment of text or of HTML, with the layout of ``look``."""
    made = TemplateEnvironment(
        loader=DictLoader(
            {
                LAYOUT: look.html_layout if is_html else look.text_layout,
                FRAME: f"{{% extends '{LAYOUT}' %}}{{% block body %}}{{{{ body }}}}{{% endblock %}}",
            }
        ),
        autoescape=is_html,
        undefined=StrictUndefined,
        finalize=marked if is_html else None,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.clear()
    made.globals.update(brand=look, layout=LAYOUT)
    made.filters = {name: made.filters[name] for name in made.filters if name in _FILTERS}
    made.filters["paragraphs"] = as_paragraphs if is_html else str
    return made


def as_paragraphs(text: str) -> Markup:
    """The paragraphs and lines of ``text`` in HTML, as the text part shows them too."""
    paragraphs = _BETWEEN_PARAGRAPHS.split(text.replace("\r\n", "\n").strip())
    return _NEXT_PARAGRAPH.join(
        _NEXT_LINE.join(escape(line) for line in paragraph.split("\n")) for paragraph in paragraphs
    )


def refuse_what_runs(tree: nodes.Template) -> None:
    """Raise TemplateMistake where a template does more than to read, choose and format."""
    for node in tree.find_all(_REFUSED):
        if not _is_super(node):
            raise TemplateMistake(f"line {node.lineno}: {_name_of(node)} is not available in templates")
    _refuse_unknown(tree, nodes.Filter, _FILTERS)
    _refuse_unknown(tree, nodes.Test, _TESTS)
    for extends in tree.find_all(nodes.Extends):
        if not (isinstance(extends.template, nodes.Name) and extends.template.name == LAYOUT):
            raise TemplateMistake(f"line {extends.lineno}: only `{{% extends {LAYOUT} %}}` is available")


def _refuse_unknown(
    tree: nodes.Template, kind: type[nodes.Filter] | type[nodes.Test], known: Collection[str]
) -> None:
    for node in tree.find_all(kind):
        if node.name not in known:
            raise TemplateMistake(f"line {node.lineno}: there is no {kind.__name__.lower()} `{node.name}`")


def _is_super(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "super"


def _name_of(node: nodes.Node) -> str:
    return {"Call": "a call", "Mul": "`*`", "Pow": "`**`", "Mod": "`%`"}.get(
        type(node).__name__, f"`{type(node).__name__.lower()}`"
    )
