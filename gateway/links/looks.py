"""How the pages look: the team's color as a style sheet, and what a page may load; pure."""

from shared.chassis import colors
from shared.chassis.brand import BrandSettings

# What `page.css` and the console's sheet write on: of each, the one with the least contrast.
PAPER, DARK_PAPER = "#f4f4f1", "#222728"


def style(brand: BrandSettings) -> str:
    """The variables of the style sheets that follow the brand."""
    color = brand.brand_color
    light, dark = colors.readable_on(PAPER, color), colors.readable_on(DARK_PAPER, color)
    return (
        f":root {{ --accent: {color}; --on-accent: {colors.text_on(color)}; "
        f"--link: light-dark({light}, {dark}); }}\n"
    )


def policy(brand: BrandSettings) -> str:
    """A page runs its own script, calls its own origin, and shows the team's logo; nothing else."""
    images = brand.logo_origin or "'none'"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src {images}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
