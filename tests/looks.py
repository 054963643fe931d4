"""What a page or mail looks like to a reader: light and dark, on a phone and on a desk, and to axe-core."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

LANGUAGES = ("en", "de", "es", "fr")
PHONE, DESK = "phone", "desktop"
SIZES = {PHONE: (390, 844), DESK: (1280, 800)}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
GRAVE = {"serious", "critical"}


@cache
def _axe() -> Axe:
    return Axe()


def views(page: Page) -> Iterator[str]:
    """Shows what is open in every scheme and size; the name of each."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for name, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            yield f"{scheme}-{name}"


def show(page: Page, scheme: Scheme, size: str) -> None:
    """Show what is open so."""
    width, height = SIZES[size]
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": height})


def findings(page: Page) -> list[str]:
    """What axe-core finds serious in what is shown now, and what is wider than the screen."""
    found: dict[str, Any] = _axe().run(page).response
    grave = [
        f"{rule['id']}: {node['html'][:120]}: {node['failureSummary'][:300]}"
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]
    return grave + overflow(page)


def overflow(page: Page) -> list[str]:
    """What is wider than the screen."""
    pixels = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"the page is {pixels} pixels wider than the screen"] if pixels > 0 else []
