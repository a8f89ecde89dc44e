"""The tables that charts are drawn from, read once and checked.

Depends on: pandas.
"""

__all__ = ["TABLES", "Evidence", "named_channels", "of"]

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from .scorecard import read_comparisons
from .tables import rank_variables, read_scores

NEEDED = {
    "intervals": ("space", "region", "variable", "level", "metric", "method", "value", "lower"),
    "variants": ("method", "network", "unchanged", "metric", "ratio", "lower", "upper", "verdict"),
    "regions": ("space", "region", "hour", "variable", "level", "metric", "method", "value"),
    "ranks": ("space", "variable", "members", "rank", "share", "lower", "upper"),
    "events": ("variable", "level", "threshold", "class", "share", "probability", "frequency"),
    "consistency": ("platform", "variable", "withheld", "assimilated", "metric", "value", "count"),
    "spectra": ("kind", "variable", "level", "wavenumber", "members", "mean", "truth"),
    "balance": ("measure", "units", "level", "lead_hours", "members", "truth"),
}

TABLES = ("scores", "comparisons", *NEEDED)


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of how methods did.

    Arguments:
        scores: The pooled scores.
        comparisons: Methods by others, over the globe.
        regional: The same by region.
        intervals: Scores with intervals.
        variants: Variants of networks by what they are of.
        regions: Scores by region and by time of day.
        ranks: Rank histograms.
        events: Reliability of events.
        consistency: The space of observations.
        spectra: Power by wavenumber.
        balance: Physical balances.
    """

    scores: pd.DataFrame
    comparisons: pd.DataFrame
    regional: pd.DataFrame
    intervals: pd.DataFrame
    variants: pd.DataFrame
    regions: pd.DataFrame
    ranks: pd.DataFrame
    events: pd.DataFrame
    consistency: pd.DataFrame
    spectra: pd.DataFrame
    balance: pd.DataFrame

    @classmethod
    def read(cls, paths: Mapping[str, Path]) -> "Evidence":
        """Reads every table.

        Arguments:
            paths: Where each lies, by name; ``regional`` are other rows of ``comparisons``.

        Raises:
            ValueError: If a column is missing, by name.
        """
        found = {name: _read(paths[name], columns) for name, columns in NEEDED.items()}
        found["scores"] = read_scores(paths["scores"])
        found["comparisons"] = read_comparisons(paths["comparisons"])
        found["regional"] = read_comparisons(paths["comparisons"], globe=False)
        return cls(**{field.name: found[field.name] for field in fields(cls)})

    def choose(self, choice: Mapping[str, str]) -> "Evidence":
        """Keeps what is of some names, in every table that has them."""
        return Evidence(**{f.name: of(getattr(self, f.name), choice) for f in fields(self)})


def of(table: pd.DataFrame, choice: Mapping[str, str]) -> pd.DataFrame:
    """Selects the rows of some names; a table without such a column is not selected by it."""
    keep = pd.Series(True, index=table.index)
    for name, value in choice.items():
        if name in table:
            keep &= table[name] == value
    return table[keep]


def named_channels(table: pd.DataFrame) -> pd.DataFrame:
    """Names the channel of each row, and puts the surface first."""
    level = table["level"].map(lambda v: "" if pd.isna(v) else f"_{float(v):g}")
    named = table.assign(
        channel=table["variable"] + level, rank=table["variable"].map(rank_variables)
    )
    return named.sort_values(["rank", "level"], kind="stable", na_position="first").drop(
        columns="rank"
    )


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    table = pd.read_csv(path, dtype={"hour": str})
    missing = [name for name in columns if name not in table]
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(missing)}: it is another's, or old")
    return table if "rank" in columns or "variable" not in table else named_channels(table)
