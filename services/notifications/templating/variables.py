"""Which variables a template takes, read from its source: needed where it shows them without asking. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

LONGEST_VARIABLE = 10_000
# Given by us: no caller's variable can have these names.
OURS = frozenset({"body", "brand", "greeting", "help", "lang", "layout", "super", "title"})
_DEFAULTS = frozenset({"default", "d"})


@dataclass(slots=True)
class Variables:
    """The names that a template needs, and those that it takes."""

    required: set[str] = field(default_factory=set)
    optional: set[str] = field(default_factory=set)


def of(trees: Iterable[nodes.Template]) -> Variables:
    """The variables of templates that are rendered with the same ones."""
    found = Variables()
    for tree in trees:
        # Set by the template: `{% set x = … %}` stores a name, `{% with x = … %}` has it as a parameter.
        own = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"} | OURS
        _visit(tree, frozenset(own), found)
    found.optional -= found.required
    return found


def _visit(node: nodes.Node, known: frozenset[str], found: Variables) -> None:
    if isinstance(node, nodes.Name):
        if node.ctx == "load" and node.name not in known:
            found.required.add(node.name)
    elif isinstance(node, nodes.If):
        _visit_if(node, known, found)
    elif isinstance(node, nodes.CondExpr):
        _choose(node.test, [node.expr1], [node.expr2] if node.expr2 else [], known, found)
    elif isinstance(node, nodes.And):
        _choose(node.left, [node.right], [], known, found)
    elif isinstance(node, nodes.Or):
        _choose(node.left, [], [node.right], known, found)
    else:
        guarded = _asked_for(node, found)
        for child in node.iter_child_nodes():
            _visit(child, known | guarded, found)


def _visit_if(node: nodes.If, known: frozenset[str], found: Variables) -> None:
    """`elif` is an `if` in the `else` of the one before."""
    otherwise: list[Any] = list(node.else_)
    for other in reversed(node.elif_):
        otherwise = [nodes.If(other.test, other.body, [], otherwise, lineno=other.lineno)]
    _choose(node.test, node.body, otherwise, known, found)


def _choose(test: nodes.Node, yes: list[Any], no: list[Any], known: frozenset[str], found: Variables) -> None:
    _visit(test, known, found)
    for child in yes:
        _visit(child, known | _defined_by(test, outcome=True), found)
    for child in no:
        _visit(child, known | _defined_by(test, outcome=False), found)


def _asked_for(node: nodes.Node, found: Variables) -> frozenset[str]:
    """The variable that ``node`` may do without: one with a default, or one that is asked for."""
    is_default = isinstance(node, nodes.Filter) and node.name in _DEFAULTS
    is_question = isinstance(node, nodes.Test) and node.name in {"defined", "undefined"}
    if (is_default or is_question) and isinstance(node.node, nodes.Name):  # type: ignore[attr-defined]
        name: str = node.node.name  # type: ignore[attr-defined]
        if name not in OURS:
            found.optional.add(name)
        return frozenset({name})
    return frozenset()


def _defined_by(test: nodes.Node, *, outcome: bool) -> frozenset[str]:
    """The variables that are there where ``test`` comes out so."""
    if isinstance(test, nodes.Not):
        return _defined_by(test.node, outcome=not outcome)
    if isinstance(test, nodes.And if outcome else nodes.Or):
        return _defined_by(test.left, outcome=outcome) | _defined_by(test.right, outcome=outcome)
    if isinstance(test, nodes.Test) and isinstance(test.node, nodes.Name):
        says = {"defined": True, "undefined": False}.get(test.name)
        return frozenset({test.node.name}) if says is outcome else frozenset()
    return frozenset()


def schema_of(required: Iterable[str], optional: Iterable[str], links: Iterable[str]) -> dict[str, Any]:
    """The JSON Schema of the variables."""
    needed, urls = sorted(required), set(links)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            name: {
                "type": "string",
                "maxLength": LONGEST_VARIABLE,
                **({"format": "uri"} if name in urls else {}),
            }
            for name in sorted({*needed, *optional})
        },
        "required": needed,
        "additionalProperties": False,
    }
