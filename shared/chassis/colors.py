"""Colors that can be read on each other: the contrast ratio of WCAG 2.2 (success criterion 1.4.3); pure."""

WHITE, BLACK = "#ffffff", "#000000"
READABLE = 4.5  # what level AA asks of ordinary text
_STEPS = 100


def contrast(one: str, other: str) -> float:
    """The ratio of two colors, ``#rrggbb`` each, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_on(color: str) -> str:
    """White or black, whichever can be read on ``color``; white where both can."""
    return WHITE if contrast(WHITE, color) >= READABLE else BLACK


def readable_on(background: str, color: str) -> str:
    """``color``, mixed with as much black or white as it takes to be read on ``background``."""
    end = text_on(background)
    mixtures = (_mixed(color, end, step / _STEPS) for step in range(_STEPS + 1))
    return next(mixture for mixture in mixtures if contrast(mixture, background) >= READABLE)


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[start : start + 2], 16) for start in (1, 3, 5)]


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
