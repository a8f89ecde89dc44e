"""Maps as still figures: truth, observations, posterior, spread, error; members side by side.

The maps product that these figures read has the dimensions ``channel frame latitude
longitude`` (members also ``number``), the variables ``truth climatology mean spread error
members prior_sample`` in physical units, and the coordinates ``valid_time`` and
``lead_hours`` along the frames. Whatever is missing is left out of the figure.

Depends on: matplotlib, numpy, pandas, xarray.
"""

__all__ = ["observed_near", "plot_glance", "plot_members", "plot_overview", "split_channel"]

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from .coastlines import HEIGHT, WIDTH, Projection, coastlines, equal_earth, outline
from .style import COLOUR_MAPS, INK, display_unit, label_channel, styled

TITLES = {
    "truth": "Truth",
    "observations": "Observations",
    "mean": "Posterior mean",
    "spread": "Spread",
    "error": "Error (mean − truth)",
}


def split_channel(channel: str) -> tuple[str, float]:
    """Returns the variable and the level [hPa] of a channel, not a number at the surface.

    Example:
        >>> split_channel("geopotential_500")
        ('geopotential', 500.0)
    """
    name, _, level = channel.rpartition("_")
    return (name, float(level)) if level.isdigit() else (channel, float("nan"))


def observed_near(
    observations: pd.DataFrame, channel: str, time: np.datetime64, step_hours: int
) -> pd.DataFrame:
    """Selects the observations of a channel within half a step of a time.

    Arguments:
        observations: The tidy table of observations.
        channel: Name of the channel.
        time: The time (UTC).
        step_hours: Time between states [h].
    """
    variable, level = split_channel(channel)
    away = (observations["time"] - pd.Timestamp(time)).abs() / pd.Timedelta(hours=1)
    here = (observations["variable"] == variable) & (away <= step_hours / 2)
    if np.isnan(level):
        return observations[here & observations["level"].isna()]
    return observations[here & ((observations["level"] - level).abs() < 0.5)]


class _Map:
    """Draws on one grid, with its coasts."""

    def __init__(self, maps: xr.Dataset):
        latitude = maps["latitude"].values.astype("float64")
        longitude = maps["longitude"].values.astype("float64")
        self.project = Projection(latitude, longitude)
        self.edge = outline()
        self.coasts: list[Float[np.ndarray, "point 2"]] = []
        if "land_sea_mask" in maps:
            mask = maps["land_sea_mask"].values.astype("float64")
            lines = coastlines(mask, latitude, longitude)
            self.coasts = [np.stack(equal_earth(*line.T), -1) for line in lines]

    def frame(self, axes: Axes, colour: str) -> None:
        """Draws the edge and the coasts."""
        axes.add_collection(LineCollection(self.coasts, colors=colour, linewidths=0.6))
        axes.plot(*self.edge.T, color=INK, linewidth=0.6)
        axes.set(xlim=(-1.01 * WIDTH, 1.01 * WIDTH), ylim=(-1.01 * HEIGHT, 1.01 * HEIGHT))
        axes.set_aspect("equal")
        axes.set_axis_off()

    def field(
        self,
        axes: Axes,
        values: Float[np.ndarray, "lat lon"],
        kind: str,
        span: tuple[float, float],
    ) -> None:
        """Draws a field."""
        image = self.project(values.astype("float64"))
        box = (-WIDTH, WIDTH, -HEIGHT, HEIGHT)
        low, high = span
        axes.imshow(image, cmap=COLOUR_MAPS[kind], vmin=low, vmax=high, extent=box)
        self.frame(axes, "#444444" if kind == "spread" else "white")

    def dots(self, axes: Axes, chosen: pd.DataFrame, factor: float, span: tuple) -> None:
        """Draws observations; withheld ones as squares."""
        axes.fill(*self.edge.T, color="#e9ebee")
        for withheld, marker in ((False, "o"), (True, "s")):
            part = chosen[chosen["withheld"] == withheld]
            east = (part["lon"].to_numpy("float64") + 180) % 360 - 180
            x, y = equal_earth(east, part["lat"].to_numpy("float64"))
            axes.scatter(
                x, y, c=part["observation"] * factor, s=9 if withheld else 6, marker=marker,
                cmap=COLOUR_MAPS["field"], vmin=span[0], vmax=span[1], linewidths=0.5,
                edgecolors=INK if withheld else "none", zorder=3,
            )  # fmt: skip
        self.frame(axes, "#777777")


def _bar(axes: Axes, kind: str, span: tuple[float, float], unit: str) -> None:
    place = axes.inset_axes((0.16, -0.085, 0.68, 0.045))
    shade = ScalarMappable(Normalize(*span), COLOUR_MAPS[kind])
    bar = axes.figure.colorbar(shade, cax=place, orientation="horizontal")
    bar.outline.set_visible(False)
    place.tick_params(labelsize=6.5, length=2, pad=1)
    place.locator_params(nbins=4)
    place.set_title(unit, fontsize=6.5, loc="right", x=1.16, y=-0.9)


def _span(values: Sequence[np.ndarray]) -> tuple[float, float]:
    known = [v for v in values if v.size]
    low = min((float(np.nanmin(v)) for v in known), default=0.0)
    high = max((float(np.nanmax(v)) for v in known), default=1.0)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _grid(rows: int, columns: Sequence[str], labels: Sequence[str]) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(2.5 * len(columns) + 0.4, 1.52 * rows + 0.5))
    axes = figure.subplots(rows, len(columns), squeeze=False)
    height = 1.52 * rows + 0.5
    figure.subplots_adjust(0.03, 0.2 / height, 0.995, 1 - 0.42 / height, 0.03, 0.16)
    for ax, title in zip(axes[0], columns, strict=True):
        ax.set_title(title, fontsize=9, loc="center")
    for ax, label in zip(axes[:, 0], labels, strict=True):
        ax.text(-0.02, 0.5, label, transform=ax.transAxes, rotation=90, va="center", ha="right")
    return figure, axes


def _values(maps: xr.Dataset, name: str, channel: int, frame: int) -> np.ndarray:
    found = maps[name].isel(channel=channel, frame=frame)
    found = found.transpose(..., "latitude", "longitude")
    return found.values * display_unit(split_channel(str(maps["channel"].values[channel]))[0])[0]


def _caption(maps: xr.Dataset, frame: int) -> str:
    time = np.datetime_as_string(maps["valid_time"].values[frame], unit="h").replace("T", " ")
    lead = float(maps["lead_hours"].values[frame]) if "lead_hours" in maps else 0.0
    return f"{time} UTC" + (f", {lead:g} h after the last observation" if lead else "")


def plot_overview(
    maps: xr.Dataset, observations: pd.DataFrame | None, frame: int, *, step_hours: int
) -> Figure:
    """Draws one row of maps per channel at one time.

    Arguments:
        maps: The maps product.
        observations: The observations of the window, drawn within half a step of the time.
        frame: Index of the time.
        step_hours: Time between states [h].

    Returns:
        Columns truth, observations, posterior mean, spread and error, where available.
    """
    columns = [
        n for n in TITLES if n in maps or (n == "observations" and observations is not None)
    ]
    names = [str(name) for name in maps["channel"].values]
    with styled():
        figure, axes = _grid(
            len(names), [TITLES[n] for n in columns], list(map(label_channel, names))
        )
        canvas = _Map(maps)
        for row, channel in enumerate(names):
            factor, unit = display_unit(split_channel(channel)[0])
            fields = {n: _values(maps, n, row, frame) for n in columns if n in maps}
            span = _span([fields[n] for n in ("truth", "mean") if n in fields])
            for ax, name in zip(axes[row], columns, strict=True):
                if name == "observations":
                    time = maps["valid_time"].values[frame]
                    near = observed_near(observations, channel, time, step_hours)
                    canvas.dots(ax, near, factor, span)
                    continue
                kind = {"spread": "spread", "error": "difference"}.get(name, "field")
                _panel(canvas, ax, fields[name], kind, span, unit)
        figure.suptitle(_caption(maps, frame), x=0.03, ha="left", fontsize=9)
    return figure


def _panel(
    canvas: _Map, ax: Axes, values: np.ndarray, kind: str, span: tuple[float, float], unit: str
) -> None:
    if kind == "spread":
        span = (0.0, float(np.nanmax(values)) or 1.0)
    if kind == "difference":
        most = float(np.nanpercentile(np.abs(values), 99.5)) or 1.0
        span = (-most, most)
    canvas.field(ax, values, kind, span)
    _bar(ax, kind, span, unit)


def plot_glance(
    maps: xr.Dataset, observations: pd.DataFrame, channel: int, frame: int, *, step_hours: int
) -> Figure:
    """Draws truth, observations and the mean of one channel at one time, side by side.

    Arguments:
        maps: The maps product.
        observations: The observations of the window, drawn within half a step of the time.
        channel: Index of the channel.
        frame: Index of the time.
        step_hours: Time between states [h].
    """
    name = str(maps["channel"].values[channel])
    factor, unit = display_unit(split_channel(name)[0])
    fields = {n: _values(maps, n, channel, frame) for n in ("truth", "mean")}
    span, time = _span(list(fields.values())), maps["valid_time"].values[frame]
    near = observed_near(observations, name, time, step_hours)
    with styled():
        figure = Figure(figsize=(9.6, 2.05))
        axes = figure.subplots(1, 3)
        figure.subplots_adjust(0.005, 0.13, 0.995, 0.9, 0.03)
        canvas = _Map(maps)
        canvas.dots(axes[1], near, factor, span)
        for ax, title in zip(axes, ("truth", "observations", "mean"), strict=True):
            ax.set_title(TITLES[title], fontsize=9, loc="center", pad=3)
            if title in fields:
                _panel(canvas, ax, fields[title], "field", span, unit)
    return figure


def plot_members(maps: xr.Dataset, frame: int) -> Figure:
    """Draws the truth, some members of the posterior, and a draw of the prior side by side.

    Arguments:
        maps: The maps product.
        frame: Index of the time.
    """
    names = [str(name) for name in maps["channel"].values]
    count = maps.sizes.get("number", 0) if "members" in maps else 0
    columns = ["Truth"] * ("truth" in maps) + [f"Member {k + 1}" for k in range(count)]
    columns += ["Prior, no observations"] * ("prior_sample" in maps)
    with styled():
        figure, axes = _grid(len(names), columns, list(map(label_channel, names)))
        canvas = _Map(maps)
        for row, channel in enumerate(names):
            fields = [_values(maps, "truth", row, frame)] if "truth" in maps else []
            fields += list(_values(maps, "members", row, frame)) if count else []
            if "prior_sample" in maps:
                sample = _values(maps, "prior_sample", row, frame)
                fields.append(sample.reshape(-1, *sample.shape[-2:])[0])
            span, unit = _span(fields), display_unit(split_channel(channel)[0])[1]
            for ax, values in zip(axes[row], fields, strict=True):
                _panel(canvas, ax, values, "field", span, unit)
        figure.suptitle(_caption(maps, frame), x=0.03, ha="left", fontsize=9)
    return figure
