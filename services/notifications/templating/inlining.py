"""Styles put at the elements that they are for, since many readers of mail drop style sheets. Pure.

To parse a mail and put its styles in place costs more than to render it, and mails of one shape differ in
nothing but what their variables show. So what Jinja shows is marked, the shape without it is styled once, and
its values are put in where their numbers stand. What decides about styles, or how HTML is read, stays a part
of the shape: all that stands in a style or in a tag, a link apart, and what is empty or begins with space.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import css_inline
from markupsafe import Markup, escape

# Around what is shown. Unicode gives it to no character, so nobody's text loses one that is read.
MARK = "\ufdd0"
_LARGEST_SHAPE = 20_000
# The parser goes into each element by a call of its own: at about 12,000 levels the process dies.
MOST_ELEMENTS = 5000
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def marked(value: Any) -> Any:
    """``value`` as HTML shows it, with its marks; markup has those of what it is made of."""
    if isinstance(value, Markup):
        return value
    shown = str(escape(value)).replace(MARK, "")
    return Markup(f"{MARK}{shown}{MARK}")  # noqa: S704  (escaped)


def unmarked(values: Mapping[str, str]) -> dict[str, str]:
    """What a template is given, without marks: a filter may make markup of it, which is not read again."""
    return {name: value.replace(MARK, "") for name, value in values.items()}


def inlined(html: str) -> str:
    """HTML with marks as it is sent: without them, and styled; raises ValueError where it is too much."""
    if "<style" not in html:
        return html.replace(MARK, "")
    if html.count("<") - html.count("</") > MOST_ELEMENTS:
        raise ValueError(f"the HTML has more than {MOST_ELEMENTS} elements")
    shape, values = _shape_of(html)
    pieces = styled(shape) if len(shape) <= _LARGEST_SHAPE else None
    if pieces is None:
        return _INLINER.inline(html.replace(MARK, ""))
    found = list(pieces)
    found[1::2] = [values[int(number)] for number in pieces[1::2]]
    return "".join(found)


@lru_cache(maxsize=128)
def styled(shape: str) -> tuple[str, ...] | None:
    """The shape's HTML and the numbers of its values in turn; None where values may choose styles."""
    if any("[" in part.partition("</style")[0] for part in shape.split("<style")[1:]):
        return None  # by an attribute
    return tuple(_INLINER.inline(shape).split(MARK))


def _shape_of(html: str) -> tuple[str, list[str]]:
    """``html`` with numbers for values, and the values."""
    values: list[str] = []
    shape: list[str] = []
    for before, value, is_free in _shown_in(html):
        shape.append(before)
        if is_free and value and not value[0].isspace() and "\r" not in value and "\0" not in value:
            shape.append(f"{MARK}{len(values)}{MARK}")
            values.append(value)
        else:
            shape.append(value)
    return "".join(shape), values


def _shown_in(html: str) -> Iterator[tuple[str, str, bool]]:
    """Each value after what stands before it, and whether it stands in text or is a link; then the rest."""
    parts = html.split(MARK)
    is_in_style = is_in_tag = False
    for before, value in zip(parts[::2], [*parts[1::2], ""], strict=True):
        style, end = before.rfind("<style"), before.rfind("</style")
        is_in_style = style > end if style != end else is_in_style
        begin, close = before.rfind("<"), before.rfind(">")
        is_in_tag = begin > close if begin != close else is_in_tag
        yield before, value, not is_in_style and (not is_in_tag or before.endswith(' href="'))
