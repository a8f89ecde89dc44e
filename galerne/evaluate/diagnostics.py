"""What the report shows beside the scores: one table of each kind, all windows together.

Columns after those of the choice (``dataset`` to ``task``):

* ``regions``: ``space region hour variable level lead_hours metric value count``;
* ``ranks``: ``space variable level lead_hours members rank share lower upper``: shares sum to
  one, each is ``1 / (members + 1)`` of a calibrated ensemble; with an interval over windows. Where
  the variable is ``all``, and ``lead_hours`` missing, shares are means over channels and leads;
* ``events``: ``variable level lead_hours threshold class share probability frequency brier``: of
  a class of probability, the share of places, the mean probability, the frequency of the event,
  and what it adds to the Brier score;
* ``consistency``: ``platform variable level lead_hours assimilated metric value count``;
* ``spectra``: ``kind variable level lead_hours wavenumber members mean truth`` [unit squared];
* ``balance``: ``measure units level lead_hours members truth``: roots of mean squares.
"""

__all__ = ["TABLES", "Sampling", "diagnostic"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..observe.noise import generator
from .comparisons import Inference
from .consistency import consistency_metrics
from .gathering import REDUCED, averaged, summed
from .physics import SUMS
from .pooling import stratified_table
from .ranks import rank_intervals

# Each is made from the table of this name.
TABLES = {"regions": "statistics"} | {
    name: name for name in ("ranks", "events", "consistency", "spectra", "balance")
}


@dataclass(frozen=True)
class Sampling:
    """How intervals of diagnostics are made.

    Arguments:
        inference: As those of comparisons.
        seed: What the resamples are spawned from.
    """

    inference: Inference
    seed: int


def diagnostic(
    name: str,
    table: pd.DataFrame,
    choice: Mapping[str, str],
    *,
    blind: Sequence[str],
    unlike: bool,
    sampling: Sampling,
) -> pd.DataFrame:
    """Pools one table of one choice over its windows.

    Arguments:
        name: One of :data:`TABLES`.
        table: What was gathered of it (:mod:`.gathering`).
        choice: ``dataset autoencoder prior network method task``.
        blind: Methods that see no observation.
        unlike: Whether ensembles of unlike size may be pooled.
        sampling: How intervals are made.
    """
    if name == "regions":
        return stratified_table(table, choice, unlike=unlike)
    if name == "consistency":
        seeing = ~table["withheld"].astype(bool) & (choice["method"] not in blind)
        found = _consistency(table.assign(assimilated=seeing))
    elif name == "ranks":
        found = rank_intervals(
            table, sampling.inference, generator(sampling.seed, *choice.values())
        )
    else:
        keys, sums = REDUCED[name]
        found = summed(table, [key for key in keys if key != "window"], sums)
        found = {"events": _events, "spectra": _spectra, "balance": _balance}[name](found)
    named = pd.DataFrame({key: np.full(len(found), value) for key, value in choice.items()})
    return pd.concat([named, found.reset_index(drop=True)], axis=1)


def _events(table: pd.DataFrame) -> pd.DataFrame:
    keys = ["variable", "level", "lead_hours", "threshold"]
    whole = table.groupby(keys, dropna=False)["weight"].transform("sum")
    return table[[*keys, "class"]].assign(
        share=table["weight"] / whole,
        probability=table["probability"] / table["weight"],
        frequency=table["event"] / table["weight"],
        brier=table["brier"] / whole,
    )


def _consistency(table: pd.DataFrame) -> pd.DataFrame:
    keys = ["platform", "variable", "level", "lead_hours", "withheld", "assimilated", "members"]
    rows = []
    for row in averaged(table, keys).to_dict("records"):
        about = {key: row[key] for key in keys if key != "members"}
        found = consistency_metrics(row)
        rows += [about | {"metric": m, "value": found[m], "count": row["count"]} for m in found]
    return pd.DataFrame(rows, columns=[*keys[:-1], "metric", "value", "count"])


def _spectra(table: pd.DataFrame) -> pd.DataFrame:
    means = {name: table[name] / table["count"] for name in SUMS["spectra"]}
    return table.assign(**means).drop(columns="count")


def _balance(table: pd.DataFrame) -> pd.DataFrame:
    means = {name: np.sqrt(table[name] / table["count"]) for name in SUMS["balance"]}
    return table.assign(**means).drop(columns="count")
