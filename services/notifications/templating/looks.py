"""How every mail of an installation looks: its layouts and its brand, as settings say."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from shared.chassis import brand, colors

DIRECTORY = Path(__file__).parent.parent / "templates"
PAPER, DARK_PAPER = "#f4f4f1", "#222728"  # what our layout has the least contrast on
BLOCKS = ("body", "lead", "button", "note")  # what a layout has to offer
SHOWN = frozenset(  # what templates may show of the brand
    {
        *("color", "dark_link_color", "footer", "link_color", "logo_url", "name", "support", "support_url"),
        "text_color",
    }
)


@dataclass(frozen=True)
class Look:
    """The layouts, and what they show of the brand. Templates see it as ``brand``.

    What follows from the color is computed once: mixing it costs more than the rest of a mail.
    """

    name: str = ""
    color: str = brand.DEFAULT_COLOR
    logo_url: str = ""
    footer: str = ""
    support: str = ""
    html_layout: str = ""
    text_layout: str = ""

    @cached_property
    def text_color(self) -> str:
        """What can be read on the color."""
        return colors.text_on(self.color)

    @cached_property
    def link_color(self) -> str:
        """The color, or what of it can be read on paper."""
        return colors.readable_on(PAPER, self.color)

    @cached_property
    def dark_link_color(self) -> str:
        """The color, or what of it can be read in the dark."""
        return colors.readable_on(DARK_PAPER, self.color)

    @property
    def support_url(self) -> str:
        """Where the link to support leads."""
        return brand.support_url(self.support)


@cache
def layout(folder: Path, kind: str) -> str:
    """The layout of one kind, ``html`` or ``txt``; raises OSError where there is none."""
    return (folder / f"layout.{kind}").read_text()


def look(
    *,
    name: str = "",
    color: str = brand.DEFAULT_COLOR,
    logo_url: str = "",
    footer: str = "",
    support: str = "",
    folder: Path | None = None,
) -> Look:
    """The look of an installation, with the layouts of ``folder`` or our own."""
    folder = folder or DIRECTORY
    return Look(
        name,
        color,
        logo_url,
        footer,
        support,
        html_layout=layout(folder, "html"),
        text_layout=layout(folder, "txt"),
    )
