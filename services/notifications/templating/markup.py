"""What HTML a template may have, and where variables may stand in it, so that none becomes markup. Pure.

Escaping makes a variable harmless in text and in quoted attributes. It does not in a URL, where `javascript:`
needs no mark that is escaped: what stands there has to be a link that is checked, or be percent-encoded.
"""

import re
from html.parser import HTMLParser

from services.notifications.templating.environment import TemplateMistake
from services.notifications.templating.pieces import Held, hold

_REFUSED_TAGS = frozenset(
    {
        *("applet", "base", "embed", "form", "frame", "frameset", "iframe", "input", "link", "math", "meta"),
        *("noscript", "object", "script", "svg", "template"),
    }
)
_URLS = frozenset(
    {"action", "background", "cite", "formaction", "href", "longdesc", "poster", "src", "srcset"}
)
_NAME = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
_ENCODED = re.compile(r"\|\s*urlencode\s*-?\}\}$")
_QUOTED = re.compile(r"=\s*(\"[^\"]*\"|'[^']*')")
_ALLOWED_URL = re.compile(r"(https://|mailto:|#|cid:)", re.IGNORECASE)


def links_in(source: str, *, is_document: bool = False) -> frozenset[str]:
    """The variables that are links; raises TemplateMistake for HTML that a template may not have."""
    reader = _Reader(hold(source), is_document=is_document)
    reader.feed(reader.held.text)
    reader.close()
    return frozenset(reader.links)


class _Reader(HTMLParser):
    """Looks at every tag, with words in the place of Jinja's tags."""

    def __init__(self, held: Held, *, is_document: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.held = held
        self.links: set[str] = set()
        self._refused = _REFUSED_TAGS - {"meta"} if is_document else _REFUSED_TAGS
        self._is_in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag and its attributes."""
        if tag in self._refused:
            raise TemplateMistake(f"<{tag}> is not available in templates")
        self._is_in_style = tag == "style"
        whole = self.get_starttag_text() or ""
        if self.held.word in _QUOTED.sub("", whole):
            raise TemplateMistake(f"<{tag}>: Jinja within a tag has to be in quotation marks")
        for name, value in attrs:
            self._look_at(tag, name, value or "")

    def handle_endtag(self, tag: str) -> None:
        """The end of a style is the end of what must not have variables."""
        if tag == "style":
            self._is_in_style = False

    def handle_data(self, data: str) -> None:
        """Text may have variables, a style may not."""
        if self._is_in_style and self.held.word in data:
            raise TemplateMistake("a <style> cannot have Jinja in it")

    def _look_at(self, tag: str, name: str, value: str) -> None:
        tags = self.held.of(value)
        if self.held.word in name or any(piece.kind == "statement" for piece in tags):
            raise TemplateMistake(f"<{tag}>: Jinja's statements can stand around a tag, and not in it")
        if name.startswith("on"):
            raise TemplateMistake(f"<{tag}>: {name} is not available in templates")
        if name == "style" and tags:
            raise TemplateMistake(f"<{tag}>: a style cannot have variables in it")
        if name in _URLS:
            self._look_at_url(tag, name, value)

    def _look_at_url(self, tag: str, name: str, value: str) -> None:
        value = value.strip()
        begins = self.held.pattern.match(value)
        tags = self.held.of(value)
        if begins:
            link = _NAME.fullmatch(tags[0].source)
            if link is None:
                raise TemplateMistake(f"<{tag}>: {name} has to begin with the name of a variable alone")
            self.links.add(link[1])
            tags = tags[1:]
        elif value and not _ALLOWED_URL.match(value):
            raise TemplateMistake(f"<{tag}>: {name} has to begin with https:// or mailto:, or be a variable")
        if any(not _ENCODED.search(piece.source) for piece in tags):
            raise TemplateMistake(f"<{tag}>: a variable within {name} needs `|urlencode`")
