"""Rows of markers and lines over an axis: the two forms that charts of scores take.

What is drawn is a tidy table: ``method value lower upper`` and what the axis is about (``row`` or
``x``). Ends of intervals that are missing are not drawn. Every chart has one legend above it, in
rows, so that any number of methods fits.

Depends on: matplotlib, pandas.
"""

__all__ = ["Plot", "outside", "plain_ticks", "plot_lines", "plot_rows", "said"]

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from .legend import Legend
from .style import INK, styled

TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
EXTRA = ("#1080c8", "#7a2fb0", "#0a7d7d")  # of means of posteriors


@dataclass(frozen=True)
class Plot:
    """A chart and its words.

    Arguments:
        name: Its name, part of that of its file.
        title: What it shows.
        alt: What a reader who cannot see it should know, with the numbers.
        note: How to read it, in one line.
        figure: The chart.
        group: The heading that it stands under.
    """

    name: str
    title: str
    alt: str
    note: str
    figure: Figure
    group: str = ""


def said(table: pd.DataFrame, legend: Legend) -> str:
    """Writes the values of methods as words, each with its interval where it has one.

    Arguments:
        table: ``method value lower upper``; of several rows of a method, the mean of the values.
        legend: Names of the methods.
    """
    parts = []
    for method in legend.order(table["method"]):
        rows = table[table["method"] == method]
        value = rows["value"].mean()
        if not np.isfinite(value):
            continue
        text = f"{legend.label(method)} {value:.3g}"
        if len(rows) == 1 and rows[["lower", "upper"]].notna().all(axis=None):
            low, high = rows[["lower", "upper"]].iloc[0]
            text += f" ({low:.3g} to {high:.3g})"
        parts.append(text)
    return "; ".join(parts)


def plot_rows(
    panels: Mapping[str, pd.DataFrame],
    legend: Legend,
    *,
    rows: Mapping[object, str],
    label: str,
    reference: float | None = None,
    log: bool = False,
    own: bool = False,
    marks: Sequence[float | None] = (),
    columns: int = 0,
    zero: bool = True,
) -> Figure:
    """Draws a row for each case and a marker for each method, with bars for intervals.

    Arguments:
        panels: Titles, and tables of ``row method value lower upper``, side by side.
        legend: Looks of the methods.
        rows: The cases from top to bottom, and their labels.
        label: Name of the values.
        reference: Where to mark a line.
        log: Whether the axis is logarithmic.
        own: Whether each row is a method of its own, so that labels say what a legend would.
        marks: A reference for each panel, in place of one for all.
        columns: Panels in a row; 0: all of them.
        zero: Whether a linear axis shows zero.
    """
    methods = legend.order(m for table in panels.values() for m in table["method"])
    places = {key: k for k, key in enumerate(rows)}
    columns = min(columns or len(panels), len(panels))
    lines = -(-len(panels) // columns)
    marks = marks or [reference] * len(panels)
    tall = 0.23 if own else 0.13 + 0.055 * max(len(methods), 2)
    heads = 0 if own else -(-len(methods) // 3)
    with styled():
        height = (tall * len(rows) + 0.5) * lines + 0.25 + 0.19 * heads
        figure = Figure(figsize=(5.8, height), layout="constrained")
        axes = figure.subplots(lines, columns, sharey=True, squeeze=False)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        drawn = axes.flat[: len(panels)]
        for ax, mark, (title, table) in zip(drawn, marks, panels.items(), strict=True):
            for k, method in enumerate(methods):
                shift = 0.0 if own else 0.62 * ((k + 0.5) / len(methods) - 0.5)
                _markers(ax, table[table["method"] == method], places, shift, legend, method)
            if mark is not None:
                ax.axvline(mark, color=INK, linewidth=1, zorder=1)
            _values_axis(ax, table, mark, log=log, zero=zero)
            ax.set_title(title, fontsize=9)
            ax.grid(True, axis="x")
            ax.tick_params(axis="y", length=0)
            for edge in np.arange(len(rows) - 1) + 0.5 if not own else ():
                ax.axhline(edge, color=INK, alpha=0.12, linewidth=0.5, zorder=0)
        axes.flat[0].set_yticks(range(len(rows)), list(rows.values()))
        axes.flat[0].set_ylim(len(rows) - 0.45, -0.55)
        figure.supxlabel(label, fontsize=9)
        if not own:
            outside(figure, drawn)
    return figure


def _markers(
    ax: Axes, table: pd.DataFrame, places: Mapping, shift: float, legend: Legend, method: str
) -> None:
    """Draws the markers of a method, and bars through them."""
    table = table[table["row"].isin(list(places)) & table["value"].notna()]
    if table.empty:
        return
    look = legend.look(method)
    y = table["row"].map(places).to_numpy("float64") + shift
    known = table[["lower", "upper"]].notna().all(axis=1).to_numpy()
    ends = table[["lower", "upper"]].to_numpy("float64")[known]
    ax.hlines(y[known], *ends.T, color=look.colour, linewidth=1.4, alpha=0.75, zorder=2)
    style = look.style(size=4.6) | {"linestyle": "none"}
    ax.plot(table["value"], y, **style, label=look.label, zorder=3)


def _values_axis(
    ax: Axes, table: pd.DataFrame, mark: float | None, *, log: bool, zero: bool
) -> None:
    """Limits that show every value, and as much of the intervals as leaves these readable."""
    values = table["value"].dropna()
    marks = [*values, *([] if mark is None else [mark])] or [1.0]
    ends = table[["lower", "upper"]].to_numpy("float64").ravel()
    low, high = min(marks), max(marks)
    if log:
        low = max(np.nanmin([*ends, low]), low / 3) / 1.12
        high = min(np.nanmax([*ends, high]), high * 3) * 1.12
        ax.set_xscale("log")
        ax.set_xlim(low, high)
        plain_ticks(ax, low, high)
        return
    low = min(low, 0.0) if zero else low
    reach = max(high - low, 1e-12)
    right = min(np.nanmax([*ends, high]), high + 0.5 * reach) + 0.04 * reach
    left = max(np.nanmin([*ends, low]), low - 0.5 * reach) - 0.04 * reach
    ax.set_xlim(0.0 if zero and low == 0 else left, right)
    ax.locator_params(axis="x", nbins=5 if len(ax.figure.axes) < 3 else 3)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def plain_ticks(ax: Axes, low: float, high: float, *, y: bool = False) -> None:
    """Writes a few ticks of a logarithmic axis as plain numbers.

    Arguments:
        ax: The chart.
        low: Where its axis begins.
        high: Where it ends.
        y: Whether it is the axis of values.
    """
    axis = ax.yaxis if y else ax.xaxis
    ticks = [t for t in TICKS if low <= t <= high]
    if len(ticks) > 4:
        tens = [t for t in ticks if f"{t:e}".startswith("1")]
        ticks = tens if len(tens) > 1 else ticks[::2]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def plot_lines(
    panels: Mapping[str, pd.DataFrame],
    legend: Legend,
    *,
    x: str,
    label: str,
    reference: float | None = None,
    log_x: bool = False,
    log_y: bool = False,
    columns: int = 3,
    others: Mapping[str, tuple[str, object, str, float]] | None = None,
    zero: bool = False,
    labels: Sequence[str] = (),
    ticks: Sequence[float] = (),
    markers: bool = True,
    upright: bool = False,
) -> Figure:
    """Draws small charts with a line for each method, and bands for intervals.

    Arguments:
        panels: Titles, and tables of ``x method value lower upper``.
        legend: Looks of the methods.
        x: Name of the axis that lines run along.
        label: Name of the values.
        reference: Where to mark a line.
        log_x: Whether that axis is logarithmic.
        log_y: Whether the axis of values is.
        columns: Charts in a row.
        others: Lines that are no method: name in the table, and label, line, colour and
            width.
        zero: Whether the axis of values begins at zero.
        labels: Labels of the values of each row of charts, in place of one for all.
        ticks: Where the axis that lines run along has ticks.
        markers: Whether every point is marked, or a few that tell the lines apart.
        upright: Whether lines run from top to bottom, as profiles do, ``x`` growing downwards.
    """
    width = min(columns, len(panels))
    count = -(-len(panels) // width)
    others = others or {}
    given = dict.fromkeys(m for table in panels.values() for m in table["method"])
    methods = [*(m for m in others if m in given), *legend.order(set(given) - set(others))]
    looks = {m: _line(m, legend, others) for m in methods}
    with styled():
        height = (1.9 if upright else 1.65) * count + 0.45 + 0.19 * -(-len(methods) // 3)
        figure = Figure(figsize=(5.8, height), layout="constrained")
        axes = figure.subplots(count, width, squeeze=False)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax, (title, table) in zip(axes.flat, panels.items(), strict=False):
            for method, look in looks.items():
                own = table[(table["method"] == method) & table["value"].notna()].sort_values("x")
                _curve(ax, own, look, markers=markers, upright=upright)
            ax.set_title(title, fontsize=9)
            ax.grid(True)
            _lines_axes(ax, table, reference, log_x, log_y, ticks, zero=zero, upright=upright)
        names = (label, x) if upright else (x, label)
        figure.supxlabel(names[0], fontsize=9)
        if not labels:
            figure.supylabel(names[1], fontsize=9)
        for ax, name in zip(axes[:, 0], labels, strict=False):
            ax.set_ylabel(name)
        outside(figure, axes.flat)
    return figure


def _line(method: str, legend: Legend, others: Mapping) -> dict[str, object]:
    if method in others:
        name, line, colour, width = others[method]
        return {"label": name, "color": colour, "linestyle": line, "linewidth": width}
    look = legend.look(method)
    return look.style(size=3.8) | {"label": look.label}


def _curve(ax: Axes, own: pd.DataFrame, look: Mapping, *, markers: bool, upright: bool) -> None:
    if own.empty:
        return
    few = {} if markers or "marker" not in look else {"markevery": max(1, len(own) // 5)}
    pair = (own["value"], own["x"]) if upright else (own["x"], own["value"])
    ax.plot(*pair, **({"linewidth": 1.3} | dict(look) | few))
    known = own[own[["lower", "upper"]].notna().all(axis=1)]
    if len(known):
        fill = ax.fill_betweenx if upright else ax.fill_between
        fill(known["x"], known["lower"], known["upper"], color=look["color"], alpha=0.13,
             linewidth=0)  # fmt: skip


def _lines_axes(
    ax: Axes, table: pd.DataFrame, reference: float | None, log_x: bool, log_y: bool,
    ticks: Sequence[float], *, zero: bool, upright: bool,
) -> None:  # fmt: skip
    """Scales, limits and the mark of a small chart."""
    values = table.loc[table["value"] > 0, "value"] if log_y else table["value"].dropna()
    marks = [*values, *([] if reference is None else [reference])] or [1.0]
    ends = table[["lower", "upper"]].to_numpy("float64").ravel()
    reach = max(max(marks) - min(marks), 1e-12)
    high = min(np.nanmax([*ends, max(marks)]), max(marks) + 0.6 * reach)
    low = max(np.nanmin([*ends, min(marks)]), min(marks) - 0.6 * reach)
    low = 0.0 if zero else low - 0.06 * reach
    if reference is not None:
        (ax.axvline if upright else ax.axhline)(reference, color=INK, linewidth=0.8, zorder=1)
    if log_y:
        ax.set_yscale("log")
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        (ax.set_xlim if upright else ax.set_ylim)(low, high + 0.06 * reach)
    if log_x:
        (ax.set_yscale if upright else ax.set_xscale)("log")
        x = table["x"][table["x"] > 0]
        plain_ticks(ax, x.min() / 1.1, x.max() * 1.1, y=upright)
    if len(ticks):
        axis = ax.yaxis if upright else ax.xaxis
        axis.set_major_locator(FixedLocator(list(ticks)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    if upright:
        ax.set_ylim(table["x"].max() * 1.06, table["x"].min() / 1.06)


def outside(figure: Figure, axes: Iterable[Axes], *, columns: int = 3) -> None:
    """Draws one legend above some charts, which are laid out below it.

    Arguments:
        figure: The figure, of layout ``constrained``.
        axes: The charts.
        columns: How many names stand in a row.
    """
    named: dict[str, object] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        named |= {n: h for n, h in zip(labels, handles, strict=True) if isinstance(h, Line2D)}
    if named:
        figure.legend(
            named.values(), named.keys(), loc="outside upper left", ncols=columns, fontsize=8,
            columnspacing=1.2, handletextpad=0.5, handlelength=2.6,
        )  # fmt: skip
