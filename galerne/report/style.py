"""How figures look, and how channels and units are written (methods: :mod:`.legend`).

Fields are drawn with ``viridis``, spreads with ``YlOrBr``, signed differences from blue through
grey at zero to yellow: lightness is monotone in the value in all three, so they read in greyscale.

Charts are SVG with text as text on a transparent ground. Their ink is one fixed colour that
the page turns into its own, so a chart reads on light and on dark. Neither dates nor random
identifiers enter a file: equal numbers give equal bytes.

Depends on: matplotlib, Pillow.
"""

__all__ = [
    "COLOUR_MAPS", "INK", "amount", "colour_table", "display_unit", "label_channel", "png",
    "styled", "svg",
]  # fmt: skip

import io

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import matplotlib.style
import numpy as np

from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from ..catalogue import DERIVED, VARIABLES

INK = "#1b2026"
DIVERGING = LinearSegmentedColormap.from_list(  # lightness 14, 46, 66, 77, 94 of 100
    "difference", ["#001a6e", "#3a6cc4", "#9ea2a6", "#e3b341", "#fff0a8"], N=256
)
COLOUR_MAPS = {"field": "viridis", "difference": DIVERGING, "spread": "YlOrBr"}

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "galerne",
}


_ABOUT = DERIVED | VARIABLES
_DISPLAY = {
    "mean_sea_level_pressure": (0.01, "hPa"),
    "specific_humidity": (1000.0, "g/kg"),
    "total_precipitation_6hr": (1000.0, "mm"),
}
_WRITTEN = {"m**2 s**-2": "m²/s²", "m s**-1": "m/s", "kg kg**-1": "kg/kg"}


def display_unit(variable: str) -> tuple[float, str]:
    """Returns the factor to a unit that people read, and that unit.

    Example:
        >>> display_unit("mean_sea_level_pressure")
        (0.01, 'hPa')
    """
    if variable in _DISPLAY:
        return _DISPLAY[variable]
    units = _ABOUT[variable].units if variable in _ABOUT else "1"
    return 1.0, _WRITTEN.get(units, units)


def label_channel(channel: str) -> str:
    """Returns a short label of a channel by its name.

    Example:
        >>> label_channel("geopotential_500"), label_channel("2m_temperature")
        ('Z500', 'T2M')
    """
    name, _, level = channel.rpartition("_")
    if name in _ABOUT and level.isdigit():
        return _ABOUT[name].label + level
    return _ABOUT[channel].label if channel in _ABOUT else channel


def amount(value: float) -> str:
    """Writes what was spent, with three significant digits.

    Example:
        >>> [amount(v) for v in (12345.6, 3.14159, 0.000123, 0.0, float("nan"))]
        ['12,346', '3.14', '<0.001', '0', '–']
    """
    if not np.isfinite(value):
        return "–"
    if 0 < value < 0.001:
        return "<0.001"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@contextmanager
def styled() -> Iterator[None]:
    """Draws everything inside in the style of the report."""
    with mpl.style.context(["default", _STYLE]):
        yield


def colour_table(kind: str) -> UInt8[np.ndarray, "256 3"]:
    """Returns the colours of a kind of map: ``field``, ``difference`` or ``spread``."""
    values = mpl.colormaps.get_cmap(COLOUR_MAPS[kind])(np.arange(256) / 255, bytes=True)
    return np.ascontiguousarray(values[:, :3])


def svg(figure: Figure) -> str:
    """Renders a chart as the text of an SVG file, the same for the same numbers."""
    buffer = io.StringIO()
    with styled():  # not by `savefig`, which draws everything twice
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _palette() -> Image.Image:
    """Colours of every map and the greys of text, in one palette."""
    shares = {"field": 84, "difference": 84, "spread": 64}
    parts = [
        colour_table(kind)[np.linspace(0, 255, count).round().astype(int)]
        for kind, count in shares.items()
    ]
    greys = np.linspace(0, 255, 256 - sum(map(len, parts))).round().astype("uint8")
    image = Image.new("P", (1, 1))
    image.putpalette(np.concatenate([*parts, np.stack([greys] * 3, -1)]).tobytes())
    return image


def png(figure: Figure, *, dpi: int = 100) -> bytes:
    """Renders a figure of maps as a small PNG file on white, with a palette.

    Arguments:
        figure: The figure.
        dpi: Pixels per inch.
    """
    with styled():
        figure.set(dpi=dpi, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    small = io.BytesIO()
    image.quantize(palette=_palette(), dither=Image.Dither.NONE).save(small, format="png")
    return small.getvalue()
