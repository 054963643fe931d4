"""Names and looks: what can be set, and colors that stay readable whatever is chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.chassis import colors
from shared.chassis.brand import BrandSettings

COLORS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#ffffff", "#000000", 21.0), ("#767676", "#ffffff", 4.54), ("#ff0000", "#ffffff", 4.0)],
)
def test_contrast_is_what_others_measure(one: str, other: str, ratio: float) -> None:
    assert colors.contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert colors.contrast(other, one) == colors.contrast(one, other)


@given(color=COLORS, background=COLORS)
def test_text_can_be_read_on_and_in_any_color(color: str, background: str) -> None:
    assert colors.contrast(colors.text_on(color), color) >= colors.READABLE
    assert colors.contrast(colors.readable_on(background, color), background) >= colors.READABLE


def test_color_that_can_be_read_stays_as_it_is() -> None:
    assert colors.readable_on("#ffffff", "#1d5c43") == "#1d5c43"
    assert colors.text_on("#1d5c43") == "#ffffff"
    assert colors.text_on("#ffd400") == "#000000"


@pytest.mark.parametrize(
    ("support", "url"),
    [
        ("", ""),
        ("help@example.org", "mailto:help@example.org"),
        ("https://example.org/help", "https://example.org/help"),
    ],
)
def test_support_is_an_address_or_a_page(support: str, url: str) -> None:
    assert BrandSettings(BRAND_SUPPORT=support).support_url == url


def test_logo_is_allowed_by_its_origin() -> None:
    brand = BrandSettings(BRAND_LOGO_URL="https://static.example.org:8443/a/logo.svg?v=2")

    assert brand.logo_origin == "https://static.example.org:8443"
    assert BrandSettings().logo_origin == ""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BRAND_NAME", "two\nlines"),
        ("BRAND_NAME", "x" * 101),
        ("BRAND_COLOR", "green"),
        ("BRAND_COLOR", "#1d5c43; background: url(//evil.example)"),
        ("BRAND_LOGO_URL", "http://example.org/logo.png"),
        ("BRAND_LOGO_URL", "https://example.org;script-src/logo.png"),
        ("BRAND_SUPPORT", "javascript:alert(1)"),
        ("BRAND_SUPPORT", "call us"),
    ],
)
def test_brand_that_could_not_be_shown_is_refused(variable: str, value: str) -> None:
    with pytest.raises(ValidationError):
        BrandSettings(**{variable: value})  # type: ignore[arg-type]
