r"""Rank histograms with intervals: how much of a histogram's shape is chance.

The share of a rank is a ratio of sums over windows. What few windows say by chance is told by
drawing them anew (:mod:`.bootstrap`), never by counting grid points, which are anything but
independent. Of a calibrated ensemble, an interval of 95 % holds :math:`1 / (M + 1)` in 95 of 100
cases.

References:
    | Interpretation of rank histograms for verifying ensemble forecasts (Hamill, 2001)
    | https://doi.org/10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2
"""

__all__ = ["rank_intervals"]

import numpy as np
import pandas as pd

from .bootstrap import interval, resample
from .comparisons import ALL, Inference

KEYS = ["space", "variable", "level", "lead_hours", "members"]


def rank_intervals(
    table: pd.DataFrame, inference: Inference, rng: np.random.Generator
) -> pd.DataFrame:
    """Computes the share of each rank, by channel and lead, and averaged over them.

    Arguments:
        table: ``weight`` of each rank by ``window space variable level lead_hours members``.
        inference: How intervals are made.
        rng: Where the resamples come from.

    Returns:
        ``space variable level lead_hours members rank share lower upper``; of the mean over
        channels and leads the variable is ``all``.
    """
    columns = [*KEYS, "rank", "share", "lower", "upper"]
    if table.empty:
        return pd.DataFrame(columns=columns)
    windows = sorted(table["window"].unique())
    drawn = resample(windows, inference.block_hours, inference.resamples, rng)
    runs, parts = len(windows) / drawn.run, []
    for (_, members), place in table.groupby(["space", "members"]):
        shares, resampled, keys = _shares(place, windows, drawn.counts, int(members) + 1)
        mean = keys.iloc[:1].assign(variable=ALL, level=np.nan, lead_hours=np.nan)
        for about, whole, many in (
            (keys, shares, resampled),
            (mean, shares.mean(axis=0)[None], np.nanmean(resampled, axis=1)[:, None]),
        ):
            flat = many.reshape(len(many), -1)
            enough = np.full(flat.shape[1], runs)
            lower, upper = interval(whole.ravel(), flat, enough, inference.level)
            rows = about.loc[about.index.repeat(whole.shape[1])].reset_index(drop=True)
            ranks = np.tile(np.arange(whole.shape[1]), len(about))
            ends = {"lower": np.maximum(lower, 0.0), "upper": upper}
            parts.append(rows.assign(rank=ranks, share=whole.ravel(), **ends))
    return pd.concat(parts, ignore_index=True)[columns]


def _shares(
    table: pd.DataFrame, windows: list[str], counts: np.ndarray, ranks: int
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Shares by key and rank, of all windows and of each resample of them."""
    grouped = table.groupby(KEYS, dropna=False)
    keys = grouped.size().index.to_frame(index=False)
    weight = np.zeros((len(windows), len(keys), ranks))
    place = pd.Index(windows).get_indexer(table["window"])
    np.add.at(weight, (place, grouped.ngroup().to_numpy(), table["rank"].to_numpy(int)),
              table["weight"].to_numpy())  # fmt: skip
    drawn = np.einsum("dw,wkr->dkr", counts, weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = weight.sum(axis=0) / weight.sum(axis=(0, 2))[:, None]
        return whole, drawn / drawn.sum(axis=2, keepdims=True), keys
