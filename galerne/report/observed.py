"""Charts of the space of observations: withheld sites, and what assimilated ones give away.

Depends on: pandas, and the plots of this room.
"""

__all__ = ["observation_charts", "observation_table"]

import numpy as np
import pandas as pd

from .evidence import Evidence
from .legend import Legend, words
from .plots import Plot, plot_rows, said
from .skill import BARS, budget
from .tables import Table, number

GROUP = "Space of observations"
METRICS = ("signal", "signal_share", "chi_square", "error_ratio")


def observation_charts(evidence: Evidence, legend: Legend) -> list[Plot]:
    """Draws withheld sites and the consistency of innovations of one tab.

    Arguments:
        evidence: The tables of one tab.
        legend: Names and looks of the methods.
    """
    return [*_withheld(evidence, legend), *_consistency(evidence, legend)]


def _withheld(evidence: Evidence, legend: Legend) -> list[Plot]:
    """Errors at sites that nobody used, each alike, and crowds of them as one."""
    rows = evidence.regional
    rows = rows[(rows["reference"] == "climatology") & (rows["space"] == "withheld")]
    rows = rows[(rows["variable"] == "all") & rows["lead_hours"].isna()]
    labels = {"globe": "Every site alike", "globe_by_density": "Crowded sites share weight"}
    panels, told = {}, []
    for metric in ("rmse", "crps"):
        names = budget(evidence, legend, metric, "withheld")
        if metric == "crps":  # no floor: one state cannot know the errors
            names.remove("reconstruction")
        own = rows[(rows["metric"] == metric) & rows["method"].isin(names)]
        own = own[own["region"].isin(list(labels))]
        own = own.assign(row=own["region"], value=own["ratio"])
        if len(own):
            panels[metric.upper()] = own
            told.append(f"{metric.upper()}: {said(own[own['region'] == 'globe'], legend)}.")
    if not panels:
        return []
    figure = plot_rows(
        panels,
        legend,
        rows=labels,
        reference=1.0,
        label="÷ climatology's, errors of observations taken out",
    )
    title = "Error at sites that no method was given"
    note = f"Left of 1 is better than climatology; {BARS}."
    return [Plot("withheld", title, f"{title}. {' '.join(told)}", note, figure, GROUP)]


def pooled(evidence: Evidence) -> pd.DataFrame:
    """Consistency by platform, over variables, levels and leads, weighted by observations."""
    rows = evidence.consistency
    whole = rows["metric"] == "signal"
    weighted = rows.assign(value=rows["value"] * rows["count"].where(~whole, 1.0))
    keys = ["method", "platform", "withheld", "assimilated", "metric"]
    found = weighted.groupby(keys, as_index=False, sort=False)[["value", "count"]].sum()
    means = found["value"] / found["count"].where(found["metric"] != "signal", 1.0)
    return found.assign(value=means, lower=np.nan, upper=np.nan)


def _consistency(evidence: Evidence, legend: Legend) -> list[Plot]:
    """Innovations against what they are expected to be, by platform."""
    rows = pooled(evidence)
    rows = rows[rows["method"].isin(budget(evidence, legend, "crps"))]
    parts = {
        "Innovation χ², used": (rows["metric"] == "chi_square") & rows["assimilated"],
        "Innovation χ², withheld or unused": (rows["metric"] == "chi_square")
        & ~rows["assimilated"],
        "Error by Desroziers ÷ stated": rows["metric"] == "error_ratio",
        "Signal of an observation": rows["metric"] == "signal_share",
    }
    panels, told = {}, []
    for title, keep in parts.items():
        own = rows[keep].assign(row=rows["platform"])
        own = own.groupby(["row", "method"], as_index=False, sort=False).agg(
            value=("value", "mean"), lower=("lower", "first"), upper=("upper", "first")
        )
        if len(own):
            panels[title] = own
            told.append(f"{title}: {said(own, legend)}.")
    if not panels:
        return []
    platforms = dict.fromkeys(r for table in panels.values() for r in table["row"])
    figure = plot_rows(
        panels, legend, rows={p: words(str(p)) for p in platforms}, label="", columns=2,
        marks=[None if "Signal" in title else 1.0 for title in panels],
    )  # fmt: skip
    title = "Whether innovations are as large as errors and spread say, by instrument"
    note = (
        "On the line spread and errors are consistent (χ², Desroziers); over it χ² says too "
        "confident. Signal: what share of an observation's information the analysis takes up."
    )
    return [Plot("consistency", title, f"{title}. {' '.join(told)}", note, figure, GROUP)]


def observation_table(evidence: Evidence, legend: Legend) -> Table | None:
    """Sets the degrees of freedom for signal of each instrument, and what they come from."""
    rows = pooled(evidence)
    rows = rows[rows["assimilated"]]
    if rows.empty:
        return None
    wide = rows.pivot_table(index=["method", "platform"], columns="metric", values="value")
    counts = rows[rows["metric"] == "signal"].set_index(["method", "platform"])["count"]
    cells = []
    for method in legend.order(wide.index.get_level_values("method")):
        for platform, row in wide.loc[method].iterrows():
            values = [
                row.get(n, np.nan) for n in ("signal", "signal_share", "chi_square", "error_ratio")
            ]
            seen = counts.get((method, platform), np.nan)
            cells.append(
                [legend.label(method), words(str(platform)), f"{seen:,.0f}", *map(number, values)]
            )
    return Table(
        caption="Degrees of freedom for signal, by instrument",
        groups=[],
        header=["Method", "Instrument", "Observations", "Signal", "Share", "χ²", "Desroziers"],
        rows=cells,
        text_columns=2,
    )
