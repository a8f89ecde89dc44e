"""Comparisons of methods as pictures and as a sentence: better, worse, or no evidence.

Nothing is compared here: ratios, intervals and verdicts are those of ``comparisons.csv``.
A verdict has a colour and a sign, so that it reads in greyscale too.

Depends on: matplotlib, pandas.
"""

__all__ = [
    "against_best",
    "plot_against",
    "plot_scorecard",
    "read_comparisons",
    "scorecard_charts",
]

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .legend import Legend
from .plots import Plot
from .style import INK, label_channel, styled
from .tables import number, rank_variables

COLUMNS = (
    "task", "space", "region", "variable", "level", "lead_hours", "metric", "method", "reference",
    "best_baseline", "ratio", "lower", "upper", "verdict", "windows",
)  # fmt: skip
SIGNS = {"better": ("▼", "#1080c8"), "worse": ("▲", "#d55e00"), "no evidence": ("·", "#8a9099")}
PARTS = (("crps", "grid"), ("rmse", "grid"), ("crps", "withheld"), ("rmse", "withheld"))
WHERE = {"grid": "on the grid", "withheld": "at withheld sites"}
GROUP = "Comparisons"
SIGNED = "Below 1 and ▼ is better, above and ▲ worse, · no evidence (95 % interval holds 1)."
BARS = "Bars are intervals over windows, paired."
Row = dict[str, object]


def read_comparisons(path: Path, *, globe: bool = True) -> pd.DataFrame:
    """Reads comparisons over the globe, names the channel of each, and puts the surface first.

    Arguments:
        path: The table.
        globe: Whether to leave out all other regions.

    Raises:
        ValueError: If a column is missing, by name.
    """
    table = pd.read_csv(path)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(f"{path} is no table of comparisons: it lacks {', '.join(missing)}")
    # One state has no spread: its CRPS is an error, which is compared as such.
    floor = (table["metric"] == "crps") & (table["reference"] == "reconstruction")
    table = table[((table["region"] == "globe") | (not globe)) & ~floor]
    level = table["level"].map(lambda v: "" if pd.isna(v) else f"_{float(v):g}")
    named = table.assign(
        channel=table["variable"] + level, rank=table["variable"].map(rank_variables)
    )
    return named.sort_values(["rank", "level"], kind="stable", na_position="first").reset_index(
        drop=True
    )


def scorecard_charts(own: pd.DataFrame, legend: Legend) -> list[Plot]:
    """Draws each posterior of a tab beside all others.

    Arguments:
        own: The comparisons of a tab (:func:`read_comparisons`).
        legend: Names of the methods.
    """
    drawn = []
    for method in legend.posteriors(own["method"]):
        rows = own[own["method"] == method]
        whole = rows[(rows["variable"] == "all") & rows["lead_hours"].isna()]
        if whole.empty:
            continue
        title = f"{legend.label(method)} beside all others, over all variables"
        figure, text = plot_against(whole, legend), _said(whole, legend)
        drawn.append(Plot(f"against_{method}", title, text, f"{SIGNED} {BARS}", figure, GROUP))
        for metric in ("crps", "rmse"):
            found = rows[(rows["metric"] == metric) & (rows["space"] == "grid")]
            found = found[(found["variable"] != "all") & found["lead_hours"].notna()]
            if found.empty:
                continue
            wide, against = _columns(found, legend)
            title = f"{metric.upper()} of {legend.label(method)} ÷ {against}"
            counts = found["verdict"].value_counts()
            text = f"{title}: {', '.join(f'{counts.get(name, 0)} {name}' for name in SIGNS)}."
            name = f"scorecard_{method}_{metric}"
            note = f"{SIGNED} Stronger colours are further from 1; some of many are so by chance."
            drawn.append(Plot(name, title, text, note, plot_scorecard(wide), GROUP))
    return drawn


def against_best(comparisons: pd.DataFrame, choice: Mapping[str, str]) -> Row | None:
    """The CRPS of a choice by that of the best classical baseline, over all variables and leads.

    Arguments:
        comparisons: The comparisons.
        choice: Names of all, the method too.
    """
    rows = _of(comparisons, choice)
    rows = rows[
        (rows["metric"] == "crps") & (rows["space"] == "grid") & (rows["variable"] == "all")
        & rows["lead_hours"].isna() & rows["best_baseline"]
    ]  # fmt: skip
    return None if rows.empty else rows.iloc[0].to_dict()


def plot_against(rows: pd.DataFrame, legend: Legend) -> Figure:
    """Draws ratios with their intervals: one panel for a score, one row for a reference.

    Arguments:
        rows: Comparisons of one method over all variables and leads.
        legend: Names of the methods.
    """
    panels = [(m, s) for m, s in PARTS if ((rows["metric"] == m) & (rows["space"] == s)).any()]
    references = legend.order(rows["reference"])
    with styled():
        height = 0.26 * len(references) + 0.75
        figure = Figure(figsize=(5.8, height * -(-len(panels) // 2)), layout="constrained")
        axes = figure.subplots(-(-len(panels) // 2), 2, squeeze=False, sharey=True)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax, (metric, space) in zip(axes.flat, panels, strict=False):
            part = rows[(rows["metric"] == metric) & (rows["space"] == space)]
            for row in part.itertuples():
                sign, colour = SIGNS[row.verdict]
                y = references.index(row.reference)
                ax.plot([row.lower, row.upper], [y, y], color=colour, linewidth=2)
                ax.plot(row.ratio, y, "o", color=colour, markersize=5)
                text = f"{number(row.ratio)} {sign}"
                ax.annotate(text, (1.0, y), xycoords=("axes fraction", "data"), fontsize=7.5,
                            xytext=(2, 0), textcoords="offset points", va="center")  # fmt: skip
            _ratio_axis(ax, part)
            ax.set_title(f"{metric.upper()} {WHERE[space]}", fontsize=9)
            ax.set_yticks(range(len(references)), [legend.label(name) for name in references])
            ax.set_ylim(len(references) - 0.5, -0.5)
            ax.grid(True, axis="x")
    return figure


def plot_scorecard(wide: Mapping[str, pd.DataFrame]) -> Figure:
    """Draws a table of verdicts: one row for a channel.

    Arguments:
        wide: Comparisons by the name of their column, indexed by channel.
    """
    channels = list(dict.fromkeys(c for rows in wide.values() for c in rows.index))
    with styled():
        size = (5.8, 0.2 * len(channels) + 0.35)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        for x, rows in enumerate(wide.values()):
            for row in rows.itertuples():
                y, (sign, colour) = channels.index(row.Index), SIGNS[row.verdict]
                strength = 0.15 + 0.6 * min(abs(np.log(row.ratio)), 1.0)
                share = 0.12 if row.verdict == "no evidence" else strength
                axes.add_patch(_cell(x, y, colour, share))
                text = f"{number(row.ratio)} {sign}"
                axes.text(x, y, text, ha="center", va="center", fontsize=7.5)
        axes.set(xlim=(-0.5, len(wide) - 0.5), ylim=(len(channels) - 0.5, -0.5))
        axes.xaxis.tick_top()
        axes.set_xticks(range(len(wide)), list(wide), fontsize=7.5)
        axes.set_yticks(range(len(channels)), [label_channel(c) for c in channels])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def _cell(x: int, y: int, colour: str, share: float) -> Rectangle:
    return Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=colour, alpha=share, linewidth=0)


def _ratio_axis(ax: Axes, rows: pd.DataFrame) -> None:
    ax.set_xscale("log")
    ends = pd.concat([rows["lower"], rows["upper"], rows["ratio"]]).clip(0.05, 20)
    low, high = np.nanmin([ends.min() / 1.1, 0.8]), np.nanmax([ends.max() * 1.1, 1.25])
    ax.set_xlim(low, high)
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10) if low <= t <= high]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.axvline(1, color=INK, linewidth=1, zorder=1)


def _columns(rows: pd.DataFrame, legend: Legend) -> tuple[dict[str, pd.DataFrame], str]:
    """A column for each reference, or, where there are leads, for each lead against the best."""
    leads = sorted(rows["lead_hours"].unique())
    if len(leads) == 1:
        names = legend.order(rows["reference"])
        return {
            legend.short(n): rows[rows["reference"] == n].set_index("channel") for n in names
        }, "others"
    best = rows[rows["best_baseline"]]
    best = best if len(best) else rows
    reference = best["reference"].iloc[0]
    own = rows[rows["reference"] == reference]
    found = {f"{v:g} h": own[own["lead_hours"] == v].set_index("channel") for v in leads}
    return found, f"{legend.label(reference)}, by lead"


def _of(comparisons: pd.DataFrame, choice: Mapping[str, str]) -> pd.DataFrame:
    keep = np.ones(len(comparisons), bool)
    for name, value in choice.items():
        keep &= (comparisons[name] == value).to_numpy()
    return comparisons[keep]


def _said(rows: pd.DataFrame, legend: Legend) -> str:
    part = rows[(rows["metric"] == "crps") & (rows["space"] == "grid")]
    words = [
        f"{number(row.ratio)} of {legend.label(row.reference)} ({number(row.lower)} to "
        f"{number(row.upper)}, {row.verdict})"
        for row in part.itertuples()
    ]
    return f"CRPS on the grid: {'; '.join(words)}." if words else "Ratios with intervals."
