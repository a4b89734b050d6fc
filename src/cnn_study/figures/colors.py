"""The colours of every figure, for light and for dark pages: one meaning each, in all of them.

Blue is more, better or right, orange less, worse or wrong; green is the enhanced model, pink what
validation images say. What is neither is black or grey: runs, means, test and training images, the
base. Shades of violet keep apart what has its name beside it or in a legend, such as kinds of
layers and prices.

Figures are drawn once, in the light colours. `with_dark` adds to an SVG file what each of its
colours is on a dark page: a browser follows the page, and what knows no such rule (Typst, say)
shows the light ones.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

LEVELS = 256
"""Colours in a colour map."""

DARK_PAGE = "(prefers-color-scheme: dark)"
"""When the dark colours are shown. The page's script finds it by these words."""


@dataclass(frozen=True)
class Look:
    """Colours for one kind of page. Those of meanings are Okabe's and Ito's (2008).

    Attributes:
        shades: from the faintest to the strongest.
    """

    page: str
    text: str
    muted: str
    faint: str
    more: str
    less: str
    enhanced: str
    validation: str
    shades: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every colour, in a fixed order."""
        neutral = (self.page, self.text, self.muted, self.faint)
        return (*neutral, self.more, self.less, self.enhanced, self.validation, *self.shades)


LIGHT = Look(
    *("#ffffff", "#1f2328", "#5b6570", "#dde2e8"),
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    ("#9583d1", "#6f57b5", "#3d2a78"),
)
DARK = Look(
    *("#14181f", "#e6e9ed", "#a3adb8", "#363e49"),
    *("#56b4e9", "#e69f00", "#00b386", "#e0a3c6"),
    ("#7766b8", "#a897e6", "#dad1ff"),
)

INKS = {
    ("text", "text"): LIGHT.text,
    ("page", "page"): LIGHT.page,
    ("text", "page"): "#1f2329",
    ("page", "text"): "#fffffe",
}
"""Colours of words on coloured ground: what they are on a light page and on a dark one.

Two are a hair from a light colour, to have a counterpart of their own.
"""


# ------------------------------------------------------------------------------- colour maps


@functools.cache
def rising(look: Look) -> "Colormap":
    """Give colours from near the page to blue."""
    import seaborn

    palette = seaborn.light_palette if look is LIGHT else seaborn.dark_palette
    return palette(look.more, as_cmap=True)


@functools.cache
def diverging(look: Look) -> "Colormap":
    """Give colours from orange through the page to blue, which colour-blind readers see too."""
    from matplotlib.colors import LinearSegmentedColormap

    ends = look.less, look.faint, look.more
    return LinearSegmentedColormap.from_list("diverging", ends, LEVELS)


Palette = Callable[[Look], "Colormap"]


def ink(share: float, palette: Palette) -> str:
    """Choose the text colour that is easiest to read on a colour of a map, on each kind of page.

    Args:
        share: place in the colour map, 0 to 1.

    Returns:
        A light colour whose counterpart is the choice for dark pages.
    """

    def best(look: Look) -> str:
        colors = {name: getattr(look, name) for name in ("text", "page")}
        return max(colors, key=lambda name: contrast(colors[name], palette(look)(share)))

    return INKS[best(LIGHT), best(DARK)]


def contrast(color: Any, other: Any) -> float:
    """Give the contrast ratio of two colours as WCAG 2.2 defines it: 1 to 21."""
    high, low = sorted((_luminance(color), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Any) -> float:
    """Give the relative luminance of an sRGB colour as WCAG 2.2 defines it: 0 to 1."""
    from matplotlib.colors import to_rgb

    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# ------------------------------------------------------------------------------- dark pages


@functools.cache
def counterparts() -> dict[str, str]:
    """Give each light colour, those of the colour maps too, its dark one."""
    from matplotlib.colors import to_hex

    pairs = {}
    for palette in (rising, diverging):
        for level in range(LEVELS):
            pairs.setdefault(to_hex(palette(LIGHT)(level)), to_hex(palette(DARK)(level)))
    inks = {light: getattr(DARK, name) for (_, name), light in INKS.items()}
    return pairs | inks | dict(zip(LIGHT.all, DARK.all, strict=True))


def with_dark(svg: bytes) -> bytes:
    """Add the dark colours to a drawing of Matplotlib, which writes colours into `style`."""
    text = svg.decode()
    used = set(re.findall(r"(fill|stroke): (#[0-9a-f]{6})", text))
    rules = [
        f'[style*="{part}: {light}"]{{{part}:{dark}!important}}'
        for part in ("fill", "stroke")
        for light, dark in counterparts().items()
        if (part, light) in used
    ]
    style = f"<style>@media {DARK_PAGE}{{{''.join(rules)}}}</style>"
    return re.sub(r"(<svg[^>]*>)", lambda tag: tag[1] + style, text, count=1).encode()
