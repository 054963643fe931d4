"""A Jinja source taken apart, so that something else can read what is between its tags. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jinja2 import Environment

_BEGINNINGS = {"variable_begin": "variable_end", "block_begin": "block_end", "comment_begin": "comment_end"}
_KINDS = {"variable_begin": "expression", "block_begin": "statement", "comment_begin": "comment"}
# Without trimming, so that the pieces put together are the source again.
_LEXER = Environment(keep_trailing_newline=True)  # noqa: S701  (nothing is rendered by it)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a source: ``text``, ``expression``, ``statement`` or ``comment``."""

    kind: str
    source: str


def pieces(source: str) -> Iterator[Piece]:
    """The parts of ``source`` in order; raises jinja2's TemplateSyntaxError."""
    held, end, kind = "", None, ""
    for _line, token, value in _LEXER.lex(source):
        if end is not None:
            held += value
            if token == end:
                yield Piece(kind, held)
                end = None
        elif token in _BEGINNINGS:
            held, end, kind = value, _BEGINNINGS[token], _KINDS[token]
        else:
            yield Piece("text", value)


@dataclass(frozen=True, slots=True)
class Held:
    """A source with a word in the place of each Jinja tag, which no reader of HTML or Markdown touches."""

    text: str
    word: str
    tags: tuple[Piece, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds the words."""
        return re.compile(rf"{self.word}(\d+)z")

    def put_back(self, text: str, replace: Callable[[Piece], str] = lambda piece: piece.source) -> str:
        """``text`` with the tags in place of their words."""
        return self.pattern.sub(lambda match: replace(self.tags[int(match[1])]), text)

    def of(self, text: str) -> list[Piece]:
        """The tags whose words are in ``text``."""
        return [self.tags[int(match[1])] for match in self.pattern.finditer(text)]


def hold(source: str) -> Held:
    """``source`` with its tags held back."""
    word = "jinjatag"
    while word in source.lower():
        word += "q"
    tags: list[Piece] = []
    text = ""
    for piece in pieces(source):
        if piece.kind == "text":
            text += piece.source
        else:
            text += f"{word}{len(tags)}z"
            tags.append(piece)
    return Held(text, word, tuple(tags))
