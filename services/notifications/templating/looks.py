"""How every mail of an installation looks: its layouts and its brand, as settings say."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DIRECTORY = Path(__file__).parent.parent / "templates"
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
BLOCKS = ("body", "lead", "button", "note")  # what a layout has to offer


@dataclass(frozen=True, slots=True)
class Look:
    """The layouts, and what they show of the brand. Templates see it as ``brand``."""

    name: str = ""
    color: str = "#1d5c43"
    logo_url: str = ""
    footer: str = ""
    html_layout: str = ""
    text_layout: str = ""


@cache
def layout(folder: Path, kind: str) -> str:
    """The layout of one kind, ``html`` or ``txt``; raises OSError where there is none."""
    return (folder / f"layout.{kind}").read_text()


def look(
    *,
    name: str = "",
    color: str = "#1d5c43",
    logo_url: str = "",
    footer: str = "",
    folder: Path | None = None,
) -> Look:
    """The look of an installation, with the layouts of ``folder`` or our own."""
    folder = folder or DIRECTORY
    return Look(name, color, logo_url, footer, layout(folder, "html"), layout(folder, "txt"))
