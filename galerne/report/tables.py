"""Score tables: the pooled scores read, checked, and laid out with methods side by side.

Nothing is scored here: values of ``scores.csv`` are selected, divided by those of climatology
and averaged over channels.

Depends on: pandas.
"""

__all__ = [
    "COLUMNS", "Table", "compare", "number", "pick", "rank_variables", "read_scores", "relative",
    "score_table",
]  # fmt: skip

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..catalogue import DERIVED, VARIABLES
from .legend import REFERENCES, Legend, words
from .style import display_unit, label_channel

CHOICE = ("dataset", "autoencoder", "prior", "network")
COLUMNS = (
    *CHOICE, "method", "task", "window", "space", "variable", "level", "lead_hours", "metric",
    "value",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table ready to be set.

    Arguments:
        caption: What it shows.
        groups: Names over the columns, each with the number of columns it spans.
        header: Names of the columns.
        rows: The cells, as text.
        text_columns: How many columns from the left hold names rather than numbers.
        total: Whether the last row sums up the others.
    """

    caption: str
    groups: list[tuple[str, int]]
    header: list[str]
    rows: list[list[str]]
    text_columns: int = 1
    total: bool = False


def read_scores(path: Path) -> pd.DataFrame:
    """Reads the pooled scores, names the channel of each, and puts the surface first.

    Raises:
        ValueError: If a column is missing, by name.
    """
    scores = pd.read_csv(path)
    missing = [name for name in COLUMNS if name not in scores]
    if missing:
        raise ValueError(f"{path} is no score table: it lacks the columns {', '.join(missing)}")
    level = scores["level"].map(lambda v: "" if pd.isna(v) else f"_{float(v):g}")
    named = scores.assign(
        channel=scores["variable"] + level,
        window=scores["window"].astype(str),
        lead_hours=scores["lead_hours"].fillna(0.0).astype(float),
        rank=scores["variable"].map(rank_variables),
    )
    order = ["rank", "level", "lead_hours"]
    return named.sort_values(order, kind="stable", na_position="first", ignore_index=True)


def rank_variables(variable: str) -> int:
    """The place of a variable in tables: the surface first, then as in the catalogue."""
    about = DERIVED | VARIABLES
    names = sorted(about, key=lambda name: about[name].on_levels)
    return names.index(variable) if variable in names else len(names)


def pick(
    scores: pd.DataFrame, choice: dict[str, str], metric: str, *, space: str, window: str = "all"
) -> pd.DataFrame:
    """Lays one metric out: one row per channel and lead, one column per method.

    Arguments:
        scores: The pooled scores.
        choice: Values that columns must have, such as ``{"task": "reanalysis"}``.
        metric: Name of the metric.
        space: ``grid`` or ``withheld``.
        window: Name of the window, or ``all``.

    Returns:
        The values [unit of the variable], in the order of the table; empty if there are none.
    """
    keep = (scores["metric"] == metric) & (scores["space"] == space) & (scores["window"] == window)
    for name, value in choice.items():
        keep &= scores[name] == value
    part = scores[keep]
    wide = part.pivot_table(
        index=["channel", "lead_hours"], columns="method", values="value", sort=False
    )
    order = [m for m in REFERENCES if m in wide] + [m for m in wide if m not in REFERENCES]
    return wide[order]


def relative(
    scores: pd.DataFrame, choice: dict[str, str], metric: str, *, space: str, window: str = "all"
) -> pd.DataFrame:
    """Divides a metric by that of climatology; empty without climatology."""
    wide = pick(scores, choice, metric, space=space, window=window)
    if "climatology" not in wide:
        return wide.iloc[:0, :0]
    return wide.div(wide["climatology"].where(wide["climatology"] > 0), axis=0)


def number(value: float) -> str:
    """Writes a number with three significant digits.

    Example:
        >>> number(1234.5), number(0.012345), number(float("nan"))
        ('1234', '0.0123', '–')
    """
    if not np.isfinite(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:#.3g}".rstrip(".")


def score_table(
    scores: pd.DataFrame, choice: dict[str, str], legend: Legend, *, space: str
) -> Table | None:
    """Sets the scores of one task, one row per variable, level and lead.

    Arguments:
        scores: The pooled scores.
        choice: Values that columns must have, of the names before the method and the task.
        legend: Names of the methods.
        space: ``grid`` or ``withheld``.

    Returns:
        The table, in units that people read, or ``None`` if there are no such scores.
    """
    metrics = {m: pick(scores, choice, m, space=space) for m in ("rmse", "crps", "bias", "ssr")}
    rmse = metrics["rmse"]
    if rmse.empty:
        return None
    methods = legend.order(rmse)
    judged = [m for m in methods if m not in REFERENCES]
    ratios = relative(scores, choice, "rmse", space=space)
    ensembles = [m for m in methods if m not in ("climatology", "reconstruction")]
    sets = [
        ("RMSE", rmse, methods),
        ("RMSE ÷ climatology", ratios, judged),
        ("CRPS", metrics["crps"], [m for m in methods if m != "reconstruction"]),
        ("Bias", metrics["bias"], judged),
        ("Spread ÷ error", metrics["ssr"], ensembles),
    ]
    sets = [(n, w, [m for m in ms if m in w and w[m].notna().any()]) for n, w, ms in sets]
    sets = [(n, w, ms) for n, w, ms in sets if ms]
    leads = bool((rmse.index.get_level_values("lead_hours") > 0).any())
    names = ["Variable", "Unit"] + ["Lead [h]"] * leads
    return Table(
        caption="Scores on the grid" if space == "grid" else "Scores at withheld observations",
        groups=[("", len(names))] + [(n, len(ms)) for n, _, ms in sets],
        header=names + [legend.short(m) for _, _, ms in sets for m in ms],
        rows=[_row(key, sets, leads) for key in rmse.index],
        text_columns=2,
    )


def _row(key: tuple[str, float], sets: Sequence[tuple], leads: bool) -> list[str]:
    channel, lead = key
    head, _, tail = channel.rpartition("_")
    factor, unit = display_unit(head if tail.isdigit() else channel)
    cells = [label_channel(channel), unit] + [f"{lead:g}"] * leads
    for name, wide, methods in sets:
        scale = factor if name in ("RMSE", "CRPS", "Bias") else 1.0
        cells += [number(wide[m].get(key, np.nan) * scale) for m in methods]
    return cells


def compare(scores: pd.DataFrame, choices: Sequence[dict[str, str]], legend: Legend) -> Table:
    """Sets one row per choice and baseline, means over channels, each relative to climatology.

    Names that all choices share are left out.
    """
    names = [k for k in CHOICE if len({c[k] for c in choices}) > 1]
    rows = []
    for rest in _once({k: v for k, v in c.items() if k != "method"} for c in choices):
        spaces = [_glance(scores, rest, space) for space in ("grid", "withheld")]
        known = [m for m in spaces[0] if m not in ("climatology", "reconstruction")]
        for method in legend.order(known):
            cells = [legend.network(rest[n]) if n == "network" else rest[n] for n in names]
            cells += [words(rest["task"]), legend.label(method)]
            rows.append(cells + [number(one[method][k]) for one in spaces for k in range(3)])
    columns = ["RMSE ÷ clim.", "CRPS ÷ clim.", "Spread ÷ error"]
    names += ["task", "method"]
    return Table(
        caption="Every choice at a glance: means over channels and leads, all test windows",
        groups=[("", len(names)), ("Grid", 3), ("Withheld observations", 3)],
        header=[*(name.capitalize() for name in names), *columns, *columns],
        rows=rows,
        text_columns=len(names),
    )


def _glance(
    scores: pd.DataFrame, rest: dict[str, str], space: str
) -> dict[str, tuple[float, float, float]]:
    """Means over channels by method: RMSE and CRPS ÷ climatology, spread ÷ error."""
    tables = [relative(scores, rest, metric, space=space) for metric in ("rmse", "crps")]
    tables.append(pick(scores, rest, "ssr", space=space))
    methods = {str(m): None for wide in tables for m in wide}
    means = [{m: wide[m].mean() if m in wide else np.nan for m in methods} for wide in tables]
    found = {m: tuple(mean[m] for mean in means) for m in methods}
    return defaultdict(lambda: (np.nan,) * 3, found)


def _once(choices: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return [dict(items) for items in dict.fromkeys(tuple(c.items()) for c in choices)]
