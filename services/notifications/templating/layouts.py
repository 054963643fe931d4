"""Whether layouts that an operator has written can be used: looked at when a process starts."""

from pathlib import Path

from jinja2 import TemplateSyntaxError, nodes

from services.notifications.templating.environment import environment
from services.notifications.templating.looks import BLOCKS, look


def check(folder: Path) -> None:
    """Raise ValueError with a sentence where a layout is missing, or has not what templates fill."""
    try:
        found = look(folder=folder)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError("must be a folder with layout.html and layout.txt in it") from error
    for kind, source in (("html", found.html_layout), ("txt", found.text_layout)):
        try:
            tree = environment(found, is_html=kind == "html").parse(source)
        except TemplateSyntaxError as error:
            raise ValueError(f"layout.{kind}, line {error.lineno}: {error.message}") from error
        missing = set(BLOCKS) - {block.name for block in tree.find_all(nodes.Block)}
        if missing:
            raise ValueError(f"layout.{kind} lacks the blocks {', '.join(sorted(missing))}")
