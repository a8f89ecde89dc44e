"""Charts of calibration: ranks of the truth, coverage of intervals, reliability of events.

Depends on: matplotlib, pandas, and the plots of this room.
"""

__all__ = ["calibration_charts"]

from collections.abc import Sequence

import numpy as np
import pandas as pd

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .evidence import Evidence
from .legend import Legend
from .plots import Plot, plot_lines, plot_rows, said
from .skill import BARS, WHERE, budget, by_channel, spreads
from .style import INK, display_unit, label_channel, styled

GROUP = "Calibration"


def calibration_charts(evidence: Evidence, legend: Legend) -> list[Plot]:
    """Draws rank histograms, coverage, and reliability of one tab, where the tables have any.

    Arguments:
        evidence: The tables of one tab.
        legend: Names and looks of the methods.
    """
    names = [n for n in budget(evidence, legend, "crps") if n != "reconstruction"]
    return [
        *_ranks(evidence.ranks, names, legend),
        *_coverage(evidence, names, legend),
        *_reliability(evidence.events, names, legend),
    ]


def _ranks(table: pd.DataFrame, names: Sequence[str], legend: Legend) -> list[Plot]:
    """Mean histograms over channels and leads: a row for each space, a column for each method."""
    rows = table[(table["variable"] == "all") & table["method"].isin(names)]
    rows = rows[rows["members"] > 1]
    if rows.empty:
        return []
    spaces = [space for space in WHERE if (rows["space"] == space).any()]
    methods = [m for m in names if (rows["method"] == m).any()]
    words = []
    with styled():
        size = (5.8, 1.45 * len(spaces) + 0.45)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(spaces), len(methods), squeeze=False, sharey=True)
        for k, space in enumerate(spaces):
            for ax, method in zip(axes[k], methods, strict=True):
                own = rows[(rows["space"] == space) & (rows["method"] == method)]
                if own.empty:
                    ax.set_axis_off()
                    continue
                words.append(
                    f"{legend.label(method)} {WHERE[space]}: {_histogram(ax, own, legend)}."
                )
                if k == 0:
                    ax.set_title(legend.label(method).partition(",")[0], fontsize=8.5)
            axes[k, 0].set_ylabel(WHERE[space].capitalize(), fontsize=8.5)
        figure.supxlabel("Rank of the truth among the members, lowest to highest", fontsize=9)
        figure.supylabel("Share ÷ expected", fontsize=9)
    title = "How often the truth has each rank among the members"
    note = (
        "Flat is calibrated; high at both ends is too confident, a slope is a bias. Within the "
        "grey band a departure from flat may be chance (95 %, over windows; none with one window)."
    )
    return [Plot("ranks", title, f"{title}. {' '.join(words)}", note, figure, GROUP)]


def _histogram(ax: Axes, own: pd.DataFrame, legend: Legend) -> str:
    """Draws one histogram, and says what it shows."""
    own = own.sort_values("rank")
    expected = 1 / (own["members"].iloc[0] + 1)
    share = own["share"].to_numpy() / expected
    look = legend.look(own["method"].iloc[0])
    ax.bar(own["rank"], share, width=0.86, color=look.colour, alpha=0.75, zorder=2)
    half = (own["upper"] - own["lower"]).to_numpy() / 2 / expected
    if np.isfinite(half).all():
        x = np.arange(-1, len(half)) + 0.5
        edge = np.concatenate([half, half[-1:]])
        ax.fill_between(x, 1 - edge, 1 + edge, step="post", color=INK, alpha=0.16, linewidth=0,
                        zorder=3)  # fmt: skip
    ax.axhline(1, color=INK, linewidth=0.9, zorder=4)
    ax.set_xlim(-0.6, len(share) - 0.4)
    ax.set_ylim(0, min(4.0, max(1.7, 1.25 * share.max())))
    ax.set_xticks([])
    outer = (share[0] + share[-1]) / 2
    beyond = int((np.abs(share - 1) > half).sum()) if np.isfinite(half).all() else 0
    return f"outer ranks {outer:.2f} of expected, {beyond} of {len(share)} beyond chance"


def _coverage(evidence: Evidence, names: Sequence[str], legend: Legend) -> list[Plot]:
    """How often central intervals hold the truth, over all channels and by channel."""
    drawn = []
    for space in WHERE:
        panels, words = {}, []
        for share in (50, 90):
            found = spreads(evidence, f"coverage_{share}", space)
            found = found[found["method"].isin(names)]
            whole = found[(found["channel"] == "all") & found["lead"].isna()]
            rows = pd.concat([whole.assign(row="all"), by_channel(found)], ignore_index=True)
            if len(rows):
                scaled = rows.assign(**{n: 100 * rows[n] for n in ("value", "lower", "upper")})
                panels[f"{share} % intervals"] = scaled
                mean = scaled[scaled["row"] == "all"]
                words.append(f"{share} %: {said(mean, legend)}.")
        if not panels:
            continue
        rows = dict.fromkeys(r for table in panels.values() for r in table["row"])
        labels = {r: "All" if r == "all" else label_channel(str(r)) for r in rows}
        figure = plot_rows(panels, legend, rows=labels, label="Truth within [%]", zero=False)
        for ax, share in zip(figure.axes, (50, 90), strict=False):
            ax.axvline(share, color=INK, linewidth=1, zorder=1)
        title = f"How often intervals hold the truth {WHERE[space]}"
        note = f"On the line is calibrated, left of it too confident; {BARS}."
        text = f"{title}. {' '.join(words)}"
        drawn.append(Plot(f"coverage_{space}", title, text, note, figure, GROUP))
    return drawn


def _reliability(table: pd.DataFrame, names: Sequence[str], legend: Legend) -> list[Plot]:
    """Frequency of events by the probability that was given them."""
    rows = table[table["method"].isin([n for n in names if n != "climatology"])]
    if rows.empty:
        return []
    keys = ["channel", "variable", "threshold", "method", "class"]
    grouped = rows.assign(
        value=rows["frequency"] * rows["share"], x=rows["probability"] * rows["share"]
    ).groupby(keys, as_index=False, sort=False)[["share", "value", "x"]].sum()  # fmt: skip
    found = grouped.assign(
        value=grouped["value"] / grouped["share"], x=grouped["x"] / grouped["share"],
        lower=np.nan, upper=np.nan,
    )  # fmt: skip
    panels, words = {}, []
    for (channel, variable, threshold), own in found.groupby(keys[:3], sort=False):
        factor, unit = display_unit(str(variable))
        title = f"{label_channel(str(channel))} > {threshold * factor:g} {unit}"
        panels[title] = own
        apart = own.assign(apart=(own["x"] - own["value"]).abs() * own["share"])
        sums = apart.groupby("method", sort=False)[["apart", "share"]].sum()
        means = sums["apart"] / sums["share"]
        gaps = [f"{legend.label(str(m))} {value:.3f}" for m, value in means.items()]
        words.append(f"{title}: {', '.join(gaps)}.")
    figure = plot_lines(
        panels, legend, x="Probability that was given", label="Frequency that was found", zero=True
    )
    for ax in (ax for ax in figure.axes if ax.axison):
        ax.plot([0, 1], [0, 1], color=INK, linewidth=0.8, zorder=1)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    title = "What probabilities of events were worth"
    note = "On the diagonal events are as frequent as they were said to be probable."
    text = f"{title}: mean distance from the diagonal. {' '.join(words)}"
    return [Plot("reliability", title, text, note, figure, GROUP)]
