"""Both parts of a mail out of one Markdown source, with its Jinja tags left as they are. Pure.

The Markdown is read before variables are put in: what a variable says is never read as Markdown.
"""

import re
from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from services.notifications.templating.pieces import Held, hold, pieces

_LONE_LINK = re.compile(r'<p><a href="([^"]*)">((?:(?!</?a|</p>).)*)</a></p>')
_BLOCKS = frozenset({"paragraph_close", "heading_close", "bullet_list_close", "ordered_list_close"})


@cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def to_html(source: str) -> str:
    """The Jinja source of the HTML part's body; a link that stands alone becomes a button."""
    held = hold(_apart(source))
    html = _LONE_LINK.sub(r'<p><a class="button" href="\1">\2</a></p>', _reader().render(held.text))
    lone = re.compile(rf"<p>({held.word}\d+z)</p>\n?")
    return held.put_back(lone.sub(lambda match: _unwrapped(match, held), html))


def _unwrapped(match: re.Match[str], held: Held) -> str:
    is_shown = any(piece.kind == "expression" for piece in held.of(match[1]))
    return match[0] if is_shown else match[1]


def to_text(source: str) -> str:
    """The Jinja source of the text part's body."""
    held = hold(_apart(source))
    return held.put_back(_Plain().text_of(_reader().parse(held.text)))


def _apart(source: str) -> str:
    """``source`` with a paragraph of its own for each statement that has a line of its own."""
    out = ""
    parts = list(pieces(source.replace("\r\n", "\n")))
    for index, piece in enumerate(parts):
        after = parts[index + 1].source if index + 1 < len(parts) else "\n"
        is_alone = piece.kind != "expression" and (not out or out.endswith("\n")) and after.startswith("\n")
        out += f"\n{piece.source}\n" if piece.kind != "text" and is_alone else piece.source
    return out


class _Plain:
    """Markdown as people write it in plain text."""

    def __init__(self) -> None:
        self._out = ""
        self._items: list[int | None] = []
        self._is_first = False  # of a list

    def text_of(self, tokens: Sequence[Token]) -> str:
        """The whole text."""
        for token in tokens:
            self._take(token)
        return re.sub(r"\n{3,}", "\n\n", self._out).strip() + "\n"

    def _take(self, token: Token) -> None:
        if token.type == "inline":
            self._out += _inline(token.children or [])
        elif token.type in {"fence", "code_block"}:
            self._out += f"{token.content.rstrip()}\n\n"
        elif token.type == "hr":
            self._out += "---\n\n"
        elif token.type in {"bullet_list_open", "ordered_list_open"}:
            is_ordered = token.type == "ordered_list_open"
            self._items.append(int(token.attrGet("start") or 1) if is_ordered else None)
            self._is_first = True
        elif token.type == "list_item_open":
            self._begin_item()
        elif token.type in _BLOCKS:
            self._out += "\n" if token.hidden else "\n\n"
            if token.type.endswith("list_close"):
                self._items.pop()

    def _begin_item(self) -> None:
        """Items stand close together, however far apart the author has put them."""
        if not self._is_first:
            self._out = self._out.rstrip("\n") + "\n"
        self._is_first = False
        self._out += f"{'  ' * (len(self._items) - 1)}{self._mark()} "

    def _mark(self) -> str:
        number = self._items[-1]
        if number is None:
            return "-"
        self._items[-1] = number + 1
        return f"{number}."


def _inline(tokens: Sequence[Token]) -> str:
    """One paragraph; a link that stands alone has its address on the next line, as our own mails do."""
    out, label, href = "", "", ""
    for position, token in enumerate(tokens):
        if token.type == "link_open":
            href, label = str(token.attrGet("href") or ""), out
        elif token.type == "link_close":
            is_alone = not label and position == len(tokens) - 1
            words = out[len(label) :]
            if words != href:
                out += f":\n{href}" if is_alone else f" ({href})"
        elif token.type in {"softbreak", "hardbreak"}:
            out += "\n"
        else:
            out += token.content
    return out
