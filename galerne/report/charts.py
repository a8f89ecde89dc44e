"""Charts of training, and of cost.

Depends on: matplotlib, pandas.
"""

__all__ = ["plot_costs", "plot_training", "training_curves"]

import numpy as np
import pandas as pd

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from .style import amount, styled


def training_curves(table: pd.DataFrame) -> pd.DataFrame:
    """Reads a training record of either shape as one column per curve.

    Arguments:
        table: ``step, split, metric, value``, or the step and one column per curve, with
            blanks where a curve was not evaluated.

    Returns:
        Index step, one numeric column per curve that holds any value.
    """
    if {"split", "metric", "value"} <= set(table):
        name = table["metric"].astype(str) + " (" + table["split"].astype(str) + ")"
        table = table.assign(curve=name).pivot_table(
            index=table.columns[0], columns="curve", values="value"
        )
    else:
        table = table.set_index(table.columns[0])
    numeric = table.apply(pd.to_numeric, errors="coerce")
    return numeric.dropna(axis=1, how="all")


def plot_training(table: pd.DataFrame) -> Figure:
    """Draws the curves of a training, on a logarithmic axis where all are positive."""
    curves = training_curves(table)
    colours = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a9099", "#56b4e9")
    lines = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (10, 2)))
    with styled():
        figure = Figure(figsize=(5.4, 2.7), layout="constrained")
        axes = figure.add_subplot()
        for k, name in enumerate(curves):
            known = curves[name].dropna()
            marker = "o" if len(known) < 30 else None
            axes.plot(
                known.index, known, linestyle=lines[k % len(lines)], marker=marker, markersize=3,
                linewidth=1.3, color=colours[k % len(colours)], label=str(name).replace("_", " "),
            )  # fmt: skip
        values = curves.to_numpy("float64")
        known = values[np.isfinite(values)]
        if known.size and known.min() > 0:
            axes.set_yscale("log")
            if known.max() / known.min() < 30:
                axes.yaxis.set_major_formatter(ScalarFormatter())
                axes.yaxis.set_minor_formatter(
                    ScalarFormatter() if known.max() / known.min() < 8 else NullFormatter()
                )
        axes.set_xlabel(str(curves.index.name or "step"))
        axes.grid(True)
        if len(curves.columns):
            axes.legend(fontsize=8)
    return figure


def plot_costs(panels: dict[str, pd.DataFrame]) -> Figure:
    """Draws one row per rule, and one small chart per kind of cost.

    Arguments:
        panels: Labels of the axes, and values with index rule and one or two columns; of two, the
            second is drawn pale behind the first, which is part of it.
    """
    rules = next(iter(panels.values())).index
    rows = np.arange(len(rules))
    width = 2.1 + 2.5 * len(panels)
    with styled():
        figure = Figure(figsize=(width, 0.24 * len(rows) + 0.9), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (label, values), colour in zip(axes, panels.items(), _COSTS, strict=False):
            _bars(ax, rows, values, label, colour)
        axes[0].set_yticks(rows, list(rules))
        axes[0].set_ylim(len(rows) - 0.4, -0.6)
    return figure


_COSTS = ("#0072b2", "#d55e00", "#d58a00", "#009e73")


def _bars(axes: Axes, rows: np.ndarray, values: pd.DataFrame, label: str, colour: str) -> None:
    drawn = values.fillna(0.0)
    for name, alpha in reversed(list(zip(values, (1.0, 0.3), strict=False))):
        axes.barh(rows, drawn[name], color=colour, alpha=alpha, height=0.65, label=str(name))
    longest = drawn.max(axis=1)
    for row, (known, end) in enumerate(zip(values.iloc[:, 0], longest, strict=True)):
        axes.annotate(
            amount(known) if known else "", (end, row), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=7.5,
        )  # fmt: skip
    axes.set_xlabel(label)
    axes.set_xlim(0, 1.22 * max(longest.max(), 1e-9) if len(longest) else 1)
    axes.grid(True, axis="x")
    if len(values.columns) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, fontsize=7.5, reverse=True)
