"""Tables of many windows, kept as small as what is made of them.

Statistics and consistency stay as they come: intervals are made from them. Ranks and events are
added up over the states of a window, spectra and balances over all windows.
"""

__all__ = ["CONSISTENCY", "REDUCED", "Gathering", "averaged", "summed"]

from collections.abc import Mapping, Sequence

import pandas as pd

from .consistency import MEANS
from .events import SUMS as EVENTS
from .physics import SUMS as PHYSICS

CHANNEL = ("variable", "level", "lead_hours")
# What tells rows apart, and what is added up.
REDUCED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ranks": (("window", "space", *CHANNEL, "members", "rank"), ("weight",)),
    "events": (("window", *CHANNEL, "threshold", "class"), EVENTS),
    "spectra": (("kind", *CHANNEL, "wavenumber"), ("count", *PHYSICS["spectra"])),
    "balance": (
        ("measure", "units", "level", "lead_hours"), ("count", *PHYSICS["balance"])
    ),
}  # fmt: skip
CONSISTENCY = ("platform", *CHANNEL, "withheld", "members")
KEPT = ("statistics", "consistency")


class Gathering:
    """Tables that windows are added to, one after the other."""

    def __init__(self) -> None:
        self._parts: dict[str, list[pd.DataFrame]] = {name: [] for name in (*KEPT, *REDUCED)}

    def add(self, window: str, tables: Mapping[str, pd.DataFrame]) -> None:
        """Adds what was found in a window.

        Arguments:
            window: Its first time.
            tables: The tables of :mod:`.verification` and :mod:`.physics`; empty ones add nothing.
        """
        for name, table in tables.items():
            if table.empty:
                continue
            part = table.assign(window=window)
            if name in REDUCED:
                part = summed(part, *REDUCED[name])
            self._parts[name].append(part)
            if name in REDUCED and "window" not in REDUCED[name][0]:
                whole = pd.concat(self._parts[name], ignore_index=True)
                self._parts[name] = [summed(whole, *REDUCED[name])]

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables; those without a row have their columns."""
        found = {}
        for name, parts in self._parts.items():
            found[name] = pd.concat(parts, ignore_index=True) if parts else _nothing(name)
            if name in REDUCED and parts:  # windows of several cutoffs come in several parts
                found[name] = summed(found[name], *REDUCED[name])
        return found


def summed(tables: pd.DataFrame, keys: Sequence[str], sums: Sequence[str]) -> pd.DataFrame:
    """Adds up rows that agree on some keys."""
    return tables.groupby(list(keys), dropna=False)[list(sums)].sum().reset_index()


def averaged(tables: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Averages the means of consistency that agree on some keys, each with its ``count``."""
    weighted = tables.assign(**{name: tables[name] * tables["count"] for name in MEANS})
    found = summed(weighted, keys, ("count", *MEANS))
    return found.assign(**{name: found[name] / found["count"] for name in MEANS})


def _nothing(name: str) -> pd.DataFrame:
    if name == "consistency":
        columns = (*CONSISTENCY, "count", *MEANS, "window")
    else:
        columns = tuple(column for part in REDUCED.get(name, ()) for column in part)
    return pd.DataFrame(columns=list(columns))
