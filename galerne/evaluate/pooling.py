r"""Scores pooled over states and windows, from sufficient statistics.

Means are pooled with the number of cases behind each, and only then turned into metrics:

.. math:: \text{rmse}_\text{all} = \sqrt{\frac{\sum_w n_w \, \text{mse}_w}{\sum_w n_w}}

never a mean of roots, which would reward windows that are unlike each other. Where ensembles of
unlike size may be pooled, each brings the variance that its own size predicts for its mean.
"""

__all__ = [
    "ALL", "CHOICES", "COLUMNS", "GROUP", "pool", "score_table", "sort_scores", "stratified_table",
]  # fmt: skip

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from .regions import GLOBE
from .scores import METRICS, STATISTICS, metrics

ALL = "all"
CHOICES = ["dataset", "autoencoder", "prior", "network", "method", "task"]
GROUP = ["space", "variable", "level", "lead_hours"]
COLUMNS = [*CHOICES, "window", *GROUP, "metric", "value"]


def pool(statistics: pd.DataFrame, keys: Sequence[str], *, unlike: bool = False) -> pd.DataFrame:
    """Pools rows of statistics that agree on some keys, each with its count.

    Arguments:
        statistics: Rows with ``count``, ``members`` and the statistics.
        keys: The columns that tell rows apart afterwards.
        unlike: Whether ensembles of unlike size may be pooled.

    Returns:
        A row by combination of keys, with ``predicted``, the variance expected of the error of
        the mean, and ``members``, the least.

    Raises:
        ValueError: If ensembles of unlike size would be pooled.
    """
    sizes = sorted(int(size) for size in statistics["members"].unique())
    if len(sizes) > 1 and not unlike:
        raise ValueError(
            f"ensembles of unlike size cannot be pooled: {sizes}; evaluation.missing_members: "
            "skip allows it"
        )
    names = [*STATISTICS, "predicted"]
    size = statistics["members"]
    weighted = statistics.assign(predicted=statistics["variance"] * (size + 1) / size)
    weighted[names] = weighted[names].mul(statistics["count"], axis=0)
    grouped = weighted.groupby(list(keys), dropna=False)
    pooled = grouped[names].sum(min_count=1).div(grouped["count"].sum(), axis=0)
    pooled = pooled.assign(count=grouped["count"].sum(), members=grouped["members"].min())
    return pooled.reset_index()


def score_table(
    statistics: pd.DataFrame, choices: Mapping[str, str], *, unlike: bool = False
) -> pd.DataFrame:
    """Scores each window, and all of them together, over the globe.

    Arguments:
        statistics: Rows of every window, with ``window`` (its first time).
        choices: What was judged: ``dataset autoencoder prior network method task``.
        unlike: Whether ensembles of unlike size may be pooled.

    Returns:
        A tidy table with the columns of :data:`COLUMNS`.
    """
    globe = statistics[statistics["region"] == GLOBE]
    both = pd.concat([globe, globe.assign(window=ALL)], ignore_index=True)
    pooled = pool(both, ["window", *GROUP], unlike=unlike)
    return sort_scores(_long(pooled, choices, ["window", *GROUP])[COLUMNS])


def stratified_table(
    statistics: pd.DataFrame, choices: Mapping[str, str], *, unlike: bool = False
) -> pd.DataFrame:
    """Scores all windows together by region, and over the globe by time of day.

    Returns:
        A tidy table: choices, ``space region hour variable level lead_hours metric value``,
        where ``hour`` (UTC) is ``all`` or that of the valid time, and ``count``, the cases.
    """
    keys = ["space", "region", "hour", *GROUP[1:]]
    hours = statistics["time"].dt.hour.map("{:02d}".format)
    globe = statistics["region"] == GLOBE
    both = pd.concat(
        [statistics.assign(hour=ALL), statistics.assign(hour=hours)[globe]], ignore_index=True
    )
    pooled = pool(both, keys, unlike=unlike)
    table = _long(pooled, choices, keys, "count")
    return table[[*CHOICES, *keys, "metric", "value", "count"]]


def sort_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Sorts a table of scores: by choice, window (all last) and channel, surface first."""
    typed = scores.astype({"level": "Float64", "lead_hours": int}).astype({"level": "Int64"})
    metric = pd.Categorical(typed["metric"], METRICS)
    order = [name for name in COLUMNS if name not in ("metric", "value")]
    ranked = typed.assign(metric=metric)
    ranked = ranked.sort_values([*order, "metric"], na_position="first", ignore_index=True)
    return ranked.astype({"metric": str})[COLUMNS]


def _long(
    pooled: pd.DataFrame, choices: Mapping[str, str], keys: Sequence[str], *others: str
) -> pd.DataFrame:
    """One row by metric."""
    rows = []
    for case in pooled.to_dict("records"):
        about = dict(choices) | {key: case[key] for key in (*keys, *others)}
        values = {name: case[name] for name in (*STATISTICS, "predicted")}
        found = metrics(values, int(case["members"]))
        rows += [about | {"metric": name, "value": value} for name, value in found.items()]
    table = pd.DataFrame(rows)
    return table.astype({"level": float, "value": float, "lead_hours": np.int64})
