"""Charts of skill, each with its error budget: floor, prior, posterior and the best baseline.

The floor is what encoding and decoding the truth costs, the prior what nothing observed leaves;
the posterior and the best classical baseline lie in between. Errors are divided by those of the
climatology, with intervals of the ratio (``comparisons.csv``); the spread-skill ratio has its own
(``intervals.csv``).

Depends on: pandas, and the plots of this room.
"""

__all__ = ["budget", "by_channel", "ratios", "skill_charts", "spreads"]

from collections.abc import Iterable, Sequence

import pandas as pd

from .evidence import Evidence
from .legend import Legend
from .plots import Plot, plot_lines, plot_rows, said
from .style import label_channel

GROUP = "Skill and error budget"
NAMES = {"rmse": "RMSE", "crps": "CRPS", "ssr": "Spread ÷ error"}
WHERE = {"grid": "on the grid", "withheld": "at withheld sites"}
BARS = "bars are 95 % intervals over windows"
FLOOR = "The floor is an encoded and decoded truth (its CRPS: the absolute error)"


def budget(evidence: Evidence, legend: Legend, metric: str, space: str = "grid") -> list[str]:
    """Names what an error is made of: floor, prior, posteriors, and the best baseline by a metric.

    Arguments:
        evidence: The tables of one tab.
        legend: What the methods are.
        metric: The metric that the baseline is the best by.
        space: ``grid`` or ``withheld``.
    """
    rows = evidence.comparisons
    marked = rows[rows["best_baseline"] & (rows["metric"] == metric) & (rows["space"] == space)]
    best = list(dict.fromkeys(marked["reference"]))[:1]
    return legend.order(["reconstruction", "prior", *legend.posteriors(rows["method"]), *best])


def ratios(evidence: Evidence, metric: str, space: str) -> pd.DataFrame:
    """Errors over those of the climatology: ``channel lead method value lower upper``.

    The channel is ``all``, and the lead missing, where ratios are averaged over.
    """
    rows = evidence.comparisons
    keep = (rows["metric"] == metric) & (rows["space"] == space)
    rows = rows[keep & (rows["reference"] == "climatology")]
    if (metric, space) == ("crps", "withheld"):  # no floor: one state cannot know the errors
        rows = rows[rows["method"] != "reconstruction"]
    return _tidy(rows.rename(columns={"ratio": "value"}))


def spreads(evidence: Evidence, metric: str, space: str) -> pd.DataFrame:
    """A score with its interval, in the same form."""
    rows = evidence.intervals
    rows = rows[(rows["metric"] == metric) & (rows["space"] == space)]
    return _tidy(rows[rows["region"] == "globe"])


def skill_charts(evidence: Evidence, channels: Sequence[str], legend: Legend) -> list[Plot]:
    """Draws every chart of skill that the tables of one tab allow.

    Arguments:
        evidence: The tables of one tab.
        channels: The channels whose skill is shown by lead.
        legend: Names and looks of the methods.
    """
    drawn = _overview(evidence, legend)
    for space in WHERE:
        drawn += _by_channel(evidence, legend, space)
    return [*drawn, *_by_lead(evidence, channels, legend), *_by_level(evidence, legend)]


def _overview(evidence: Evidence, legend: Legend) -> list[Plot]:
    """All methods, one row each, over all channels and leads."""
    panels, words = {}, []
    for metric, space in (("rmse", "grid"), ("crps", "grid"), ("crps", "withheld")):
        rows = ratios(evidence, metric, space)
        rows = rows[(rows["channel"] == "all") & rows["lead"].isna()]
        if rows.empty:
            continue
        title = f"{NAMES[metric]}{', withheld' * (space == 'withheld')}"
        panels[title] = rows.assign(row=rows["method"])
        words.append(f"{title}: {said(rows, legend)}.")
    if not panels:
        return []
    methods = legend.order(m for rows in panels.values() for m in rows["method"])
    figure = plot_rows(
        panels, legend, rows={m: legend.label(m) for m in methods}, own=True, reference=1.0,
        label="÷ climatology's, geometric mean over variables and levels",
    )  # fmt: skip
    title = "How far each method is from the truth, over all variables"
    note = f"Less is better, 1 is climatology; {BARS}. {FLOOR}."
    return [Plot("budget", title, f"{title}. {' '.join(words)}", note, figure, GROUP)]


def _by_channel(evidence: Evidence, legend: Legend, space: str) -> list[Plot]:
    """Errors of the budget by channel, and how large the spread is beside the error."""
    drawn = []
    panels, words = {}, []
    for metric in ("rmse", "crps"):
        rows = by_channel(ratios(evidence, metric, space))
        rows = rows[rows["method"].isin(budget(evidence, legend, metric, space))]
        if len(rows):
            panels[NAMES[metric]] = rows
            words.append(f"{NAMES[metric]}, mean: {said(rows, legend)}.")
    if panels:
        title = f"Error by variable and level {WHERE[space]}"
        figure = plot_rows(
            panels, legend, rows=_labels(panels.values()), label="÷ climatology's", reference=1.0
        )
        note = f"Left of 1 is better than climatology; {BARS}. {FLOOR}."
        text = f"{title}, divided by climatology's. {' '.join(words)}"
        drawn.append(Plot(f"error_{space}", title, text, note, figure, GROUP))
    rows = by_channel(spreads(evidence, "ssr", space))
    rows = rows[rows["method"].isin(budget(evidence, legend, "crps", space))]
    if len(rows):
        title = f"Spread beside error by variable and level {WHERE[space]}"
        figure = plot_rows(
            {"": rows},
            legend,
            rows=_labels([rows]),
            label="Spread ÷ error",
            reference=1.0,
            zero=False,
        )
        note = f"1 is calibrated, less is too confident; {BARS}."
        text = f"{title}. Means: {said(rows, legend)}."
        drawn.append(Plot(f"spread_{space}", title, text, note, figure, GROUP))
    return drawn


def _by_lead(evidence: Evidence, channels: Sequence[str], legend: Legend) -> list[Plot]:
    """Errors and spread over the lead time, over all channels and of some."""
    drawn = []
    for metric in NAMES:
        found = spreads(evidence, "ssr", "grid") if metric == "ssr" else (
            ratios(evidence, metric, "grid")
        )  # fmt: skip
        names = budget(evidence, legend, "crps" if metric == "ssr" else metric)
        rows = found[found["method"].isin(names) & found["lead"].notna()]
        if rows["lead"].nunique() < 2:
            continue
        mean = rows[rows["channel"] == "all"]
        each = rows[rows["channel"] != "all"]
        panels = {"All variables": mean} | {
            label_channel(c): each[each["channel"] == c]
            for c in channels
            if c in set(each["channel"])
        }
        panels = {title: table.assign(x=table["lead"]) for title, table in panels.items()}
        label = NAMES[metric] + ("" if metric == "ssr" else " ÷ climatology's")
        figure = plot_lines(
            panels, legend, x="Lead time [h]", label=label, reference=1.0, zero=True,
            ticks=sorted(rows["lead"].unique()) if rows["lead"].nunique() < 8 else (),
        )  # fmt: skip
        first, last = rows["lead"].min(), rows["lead"].max()
        words = [
            f"At {lead:g} h: {said(mean[mean['lead'] == lead], legend)}." for lead in (first, last)
        ]
        title = f"{label} by lead time after the last observation"
        best = "1 is calibrated" if metric == "ssr" else "Below 1 is better than climatology"
        note = f"{best}; bands are 95 % intervals over windows."
        text = f"{title}. {' '.join(words)}"
        drawn.append(Plot(f"{metric}_lead", title, text, note, figure, GROUP))
    return drawn


def _by_level(evidence: Evidence, legend: Legend) -> list[Plot]:
    """Profiles of errors and spread of each variable on several levels."""
    panels, words, labels = {}, [], []
    for metric in NAMES:
        found = spreads(evidence, "ssr", "grid") if metric == "ssr" else (
            ratios(evidence, metric, "grid")
        )  # fmt: skip
        names = budget(evidence, legend, "crps" if metric == "ssr" else metric)
        rows = by_channel(found[found["method"].isin(names) & found["level"].notna()])
        for variable, own in rows.groupby("variable", sort=False):
            if own["level"].nunique() > 1:
                about = label_channel(f"{variable}_1").removesuffix("1")
                panels[f"{about}, {NAMES[metric].partition(' ')[0]}"] = own.assign(x=own["level"])
                labels += [NAMES[metric]]
                words.append(f"{about} {NAMES[metric]}: {said(own, legend)}.")
    if not panels:
        return []
    columns = max(1, len(panels) // len(dict.fromkeys(labels)))
    levels = sorted({x for table in panels.values() for x in table["x"]})
    figure = plot_lines(
        panels, legend, x="Level [hPa]", label="RMSE and CRPS ÷ climatology's; spread ÷ error",
        reference=1.0, upright=True, columns=min(columns, 5), zero=True, log_x=True, ticks=levels,
    )  # fmt: skip
    title = "Error and spread by level"
    note = (
        "Left of 1 is better than climatology, and at 1 a spread is calibrated; bands are 95 % "
        "intervals over windows."
    )
    return [Plot("levels", title, f"{title}, means. {' '.join(words)}", note, figure, GROUP)]


def _tidy(rows: pd.DataFrame) -> pd.DataFrame:
    columns = ["channel", "variable", "level", "lead", "method", "value", "lower", "upper"]
    return rows.rename(columns={"lead_hours": "lead"})[columns]


def by_channel(rows: pd.DataFrame) -> pd.DataFrame:
    """Keeps one row for each channel and method: of several leads, the mean over them."""
    rows = rows[rows["channel"] != "all"]
    several = rows["lead"].nunique() > 1
    rows = rows[rows["lead"].isna() if several else rows["lead"].notna()]
    return rows.assign(row=rows["channel"])


def _labels(tables: Iterable[pd.DataFrame]) -> dict[str, str]:
    names = dict.fromkeys(name for table in tables for name in table["row"])
    return {name: label_channel(str(name)) for name in names}
