"""Which charts and tables are shown for each choice and task.

A tab is a choice of everything but the method: methods stand side by side within it.

Depends on: matplotlib, pandas, and the charts and tables of this room.
"""

__all__ = ["Chart", "score_charts", "score_tables", "tabs"]

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from matplotlib.figure import Figure

from .charts import plot_by_channel, plot_by_lead
from .legend import REFERENCES, Legend, words
from .scorecard import scorecard_charts
from .style import label_channel
from .tables import CHOICE, Table, pick, relative, score_table


@dataclass(frozen=True)
class Chart:
    """A chart and its words.

    Arguments:
        file: Name of its file.
        tab: Name of its tab.
        title: What it shows.
        alt: What a reader who cannot see it should know.
        figure: The chart.
    """

    file: str
    tab: str
    title: str
    alt: str
    figure: Figure


def tabs(choices: Sequence[dict[str, str]], legend: Legend) -> dict[str, dict[str, str]]:
    """Names the tabs: the task, and what else differs between choices.

    Example:
        >>> a = dict(dataset="d", autoencoder="a", prior="p", network="n", task="t", method="m")
        >>> list(tabs([a, a | {"task": "u"}], Legend({})))
        ['T', 'U']
    """
    varied = [k for k in CHOICE if len({c[k] for c in choices}) > 1]
    found: dict[str, dict[str, str]] = {}
    for choice in choices:
        said = [words(choice["task"])]
        said += [legend.network(choice[k]) if k == "network" else choice[k] for k in varied]
        found[" · ".join(said)] = {k: choice[k] for k in (*CHOICE, "task")}
    return found


def score_charts(
    scores: pd.DataFrame,
    comparisons: pd.DataFrame,
    choices: Sequence[dict[str, str]],
    channels: Sequence[str],
    legend: Legend,
) -> list[Chart]:
    """Draws every chart that the scores allow.

    Arguments:
        scores: The pooled scores.
        comparisons: Comparisons of methods.
        choices: Names of dataset, autoencoder, prior, network, method and task.
        channels: The channels whose error is shown by lead.
        legend: Names and looks of the methods.
    """
    charts = []
    for k, (tab, choice) in enumerate(tabs(choices, legend).items()):
        for name, title, said, figure in scorecard_charts(comparisons, choice, legend):
            charts.append(Chart(f"{k:02d}_{choice['task']}_{name}.svg", tab, title, said, figure))
        drawn = _by_channel(scores, choice, legend)
        drawn += _by_lead(scores, choice, channels, legend)
        for name, title, figure, wide in drawn:
            file = f"{k:02d}_{choice['task']}_{name}.svg"
            charts.append(Chart(file, tab, title, f"{title}. {_said(wide, legend)}", figure))
    return charts


def _pooled(wide: pd.DataFrame) -> pd.DataFrame:
    return wide.groupby(level="channel", sort=False).mean()


def _said(wide: pd.DataFrame, legend: Legend) -> str:
    means = wide.mean().dropna()
    said = [f"{legend.label(str(name))} {value:.3g}" for name, value in means.items()]
    return f"Means over channels: {'; '.join(said)}." if said else ""


def _by_channel(
    scores: pd.DataFrame, choice: dict[str, str], legend: Legend
) -> list[tuple[str, str, Figure, pd.DataFrame]]:
    drawn = []
    for space, where in (("grid", ""), ("withheld", ", at withheld observations")):
        for metric, name in (("rmse", "RMSE"), ("crps", "CRPS")):
            wide = _pooled(relative(scores, choice, metric, space=space))
            wide = wide.drop(columns=[c for c in wide if _idle(c, metric)])
            wide = wide.dropna(axis=1, how="all")
            if len(wide) and set(wide) - set(REFERENCES):
                label, wide = f"{name} ÷ climatology's", wide[legend.order(wide)]
                figure = plot_by_channel(
                    wide, legend, label=label, reference=1.0, best="climatology"
                )
                drawn.append((f"{metric}_{space}", f"{label}{where}", figure, wide))
        wide = _pooled(pick(scores, choice, "ssr", space=space))
        wide = wide.drop(columns=[c for c in wide if c in ("climatology", "reconstruction")])
        wide = wide.dropna(axis=1, how="all")
        if len(wide) and len(wide.columns):
            wide = wide[legend.order(wide)]
            figure = plot_by_channel(
                wide, legend, label="Spread ÷ error", reference=1.0, best="calibrated"
            )
            drawn.append((f"ssr_{space}", f"Spread ÷ error{where}", figure, wide))
    return drawn


def _idle(method: str, metric: str) -> bool:
    return method == "climatology" or (metric == "crps" and method == "reconstruction")


def _by_lead(
    scores: pd.DataFrame, choice: dict[str, str], channels: Sequence[str], legend: Legend
) -> list[tuple[str, str, Figure, pd.DataFrame]]:
    wide = relative(scores, choice, "rmse", space="grid")
    if wide.empty or wide.index.get_level_values("lead_hours").nunique() < 2:
        return []
    wide = wide[legend.order(wide)]
    panels = {"mean of all channels": wide.groupby(level="lead_hours").mean()}
    known = set(wide.index.get_level_values("channel"))
    for channel in (c for c in channels if c in known):
        panels[label_channel(channel)] = wide.xs(channel, level="channel")
    figure = plot_by_lead(panels, legend, label="RMSE ÷ climatology's")
    return [("rmse_lead", "RMSE ÷ climatology's by lead time", figure, wide)]


def score_tables(scores: pd.DataFrame, choice: dict[str, str], legend: Legend) -> list[Table]:
    """Sets the tables of a tab: on the grid, and at withheld observations."""
    tables = [score_table(scores, choice, legend, space=space) for space in ("grid", "withheld")]
    return [table for table in tables if table is not None]
