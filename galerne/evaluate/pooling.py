r"""Scores pooled over states and windows, from sufficient statistics.

Means are pooled with the number of cases behind each, and only then turned into metrics:

.. math:: \text{rmse}_\text{all} = \sqrt{\frac{\sum_w n_w \, \text{mse}_w}{\sum_w n_w}}

never a mean of roots, which would reward windows that are unlike each other.
"""

__all__ = ["ALL", "COLUMNS", "pool", "score_table", "sort_scores"]

from collections.abc import Mapping

import pandas as pd

from .scores import METRICS, STATISTICS, metrics
from .verification import KEYS

ALL = "all"
CHOICES = ["dataset", "autoencoder", "prior", "network", "method", "task"]
COLUMNS = [*CHOICES, "window", *KEYS, "metric", "value"]


def pool(statistics: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Pools rows of statistics that agree on some keys, each with its count.

    Arguments:
        statistics: Rows with ``count``, ``members`` and the statistics.
        keys: The columns that tell rows apart afterwards.

    Raises:
        ValueError: If ensembles of unlike size would be pooled.
    """
    sizes = statistics["members"].unique()
    if len(sizes) > 1:
        raise ValueError(f"ensembles of unlike size cannot be pooled: {sorted(sizes.tolist())}")
    names = list(STATISTICS)
    weighted = statistics.copy()
    weighted[names] = statistics[names].mul(statistics["count"], axis=0)
    pooled = weighted.groupby(keys, dropna=False, as_index=False)[["count", *names]].sum()
    pooled[names] = pooled[names].div(pooled["count"], axis=0)
    return pooled.assign(members=sizes[0])


def score_table(statistics: pd.DataFrame, choices: Mapping[str, str]) -> pd.DataFrame:
    """Scores each window, and all of them together.

    Arguments:
        statistics: Rows of every window, with ``window`` (its first time).
        choices: What was judged: ``dataset autoencoder prior network method task``.

    Returns:
        A tidy table with the columns of :data:`COLUMNS`.
    """
    both = pd.concat([statistics, statistics.assign(window=ALL)], ignore_index=True)
    rows = []
    for case in pool(both, ["window", *KEYS]).to_dict("records"):
        about = dict(choices) | {key: case[key] for key in ("window", *KEYS)}
        found = metrics({name: case[name] for name in STATISTICS}, int(case["members"]))
        rows += [about | {"metric": name, "value": value} for name, value in found.items()]
    return sort_scores(pd.DataFrame(rows, columns=COLUMNS))


def sort_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Sorts a table of scores: by choice, window (all last) and channel, surface first."""
    typed = scores.astype({"level": "Float64", "lead_hours": int}).astype({"level": "Int64"})
    metric = pd.Categorical(typed["metric"], METRICS)
    order = [name for name in COLUMNS if name not in ("metric", "value")]
    ranked = typed.assign(metric=metric)
    ranked = ranked.sort_values([*order, "metric"], na_position="first", ignore_index=True)
    return ranked.astype({"metric": str})[COLUMNS]
