"""How much text a template can come to, read from its source. Pure.

Nothing loops, but what is joined with itself, or replaced by more of itself, doubles with every line: thirty
lines make gigabytes, some of them while Jinja compiles. So the most is reckoned before anything runs.
"""

from functools import singledispatch

from jinja2 import nodes

from services.notifications.templating.environment import TemplateMistake
from services.notifications.templating.variables import LONGEST_VARIABLE

LARGEST = 5_000_000  # characters; a few hundred variables as long as they may be
# How much longer a filter makes a text at most: `&` becomes `&amp;`, one character `%F0%9F%98%80`.
_TIMES = {"escape": 6, "e": 6, "forceescape": 6, "paragraphs": 12, "urlencode": 12}
_OTHER_TIMES = 3  # `ΐ` in capitals
_Sizes = dict[str, int]  # of the names that a template has set, and of the block that a filter is put upon
_BLOCK = ""


def check(tree: nodes.Template) -> None:
    """Raise TemplateMistake where a template can come to more than a mail has."""
    if _of(tree, {}) > LARGEST:
        raise TemplateMistake(f"can become longer than {LARGEST} characters")


def _of(node: nodes.Node | None, sizes: _Sizes) -> int:
    """The most characters that ``node`` comes to; what it sets is written into ``sizes``."""
    return _size(node, sizes) if node is not None else sizes[_BLOCK]


@singledispatch
def _size(node: nodes.Node, sizes: _Sizes) -> int:
    """Both ways of a choice are counted, and what is asked for it."""
    return sum(_of(child, sizes) for child in node.iter_child_nodes())


@_size.register
def _(node: nodes.TemplateData, _sizes: _Sizes) -> int:
    return len(node.data)


@_size.register
def _(node: nodes.Const, _sizes: _Sizes) -> int:
    return len(str(node.value))


@_size.register
def _(node: nodes.Name, sizes: _Sizes) -> int:
    return sizes.get(node.name, LONGEST_VARIABLE)


@_size.register
def _(node: nodes.Filter, sizes: _Sizes) -> int:
    size = _of(node.node, sizes)
    given = sum(_of(value, sizes) for value in (*node.args, *(pair.value for pair in node.kwargs)))
    if node.name == "replace":  # an empty text stands before and behind every character
        return (size + 1) * (given + 1)
    return size * _TIMES.get(node.name, _OTHER_TIMES) + given


@_size.register
def _(node: nodes.Assign, sizes: _Sizes) -> int:
    _set(node.target, _of(node.node, sizes), sizes)
    return 0


@_size.register
def _(node: nodes.AssignBlock, sizes: _Sizes) -> int:
    size = sum(_of(child, sizes) for child in node.body)
    if node.filter is not None:
        size = _of(node.filter, {**sizes, _BLOCK: size})
    _set(node.target, size, sizes)
    return 0


@_size.register
def _(node: nodes.With, sizes: _Sizes) -> int:
    for target, value in zip(node.targets, node.values, strict=True):
        _set(target, _of(value, sizes), sizes)
    return sum(_of(child, sizes) for child in node.body)


@_size.register
def _(node: nodes.FilterBlock, sizes: _Sizes) -> int:
    size = sum(_of(child, sizes) for child in node.body)
    return _of(node.filter, {**sizes, _BLOCK: size})


def _set(target: nodes.Node, size: int, sizes: _Sizes) -> None:
    """One name or several; what was set on another way may be longer."""
    for name in [target, *target.find_all(nodes.Name)]:
        if isinstance(name, nodes.Name):
            sizes[name.name] = max(size, sizes.get(name.name, 0))
