"""Variants of a network's observations: fewer of them, or with faults that nobody is told of.

What is withheld for verification stays as it is, so that scores of variants compare.

Depends on: pandas, numpy, and the generators of :mod:`.noise`.
"""

__all__ = ["vary"]

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from .noise import generator


def vary(
    observations: pd.DataFrame,
    *,
    change: str,
    instruments: Sequence[str] | Mapping[str, object],
    seed: int,
    factor: float = 1.0,
) -> pd.DataFrame:
    """Makes the observations of a variant from those of its network.

    Arguments:
        observations: The observations of the network.
        change: What is changed: ``deny``, ``thin``, ``misstate``, ``bias`` or ``gross_errors``.
        instruments: The instruments concerned; unless they are left out, each with the share
            of sites or scan lines kept [1], the stated by the true error [1], what is added to
            each variable [its unit], or the share of observations with a gross error [1].
        seed: Seed of the network.
        factor: Size of gross errors, of either sign, in stated ones [1].

    Raises:
        ValueError: If there is no such change.
    """
    if change not in CHANGES:
        raise ValueError(f"unknown change {change!r}; allowed: {', '.join(CHANGES)}")
    table = observations.copy()
    given = instruments if isinstance(instruments, Mapping) else dict.fromkeys(instruments)
    for platform, value in given.items():
        own = ~table["withheld"] & (table["platform"] == platform)
        rng = generator(seed, change, platform)
        settings = {"factor": factor} if change == "gross_errors" else {}
        changed = CHANGES[change](table[own], value, rng, **settings)
        table = pd.concat([table[~own], changed]).sort_index()
    return table.reset_index(drop=True)


def _deny(table: pd.DataFrame, _value: None, _rng: np.random.Generator) -> pd.DataFrame:
    return table[:0]


def _thin(table: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Keeps the first sites of one order, so that a smaller share is part of a larger one."""
    names = np.array(sorted(set(table["station"])), object)
    chosen = rng.permutation(names)[: round(share * len(names))]
    return table[table["station"].isin(chosen)]


def _misstate(table: pd.DataFrame, ratio: float, _rng: np.random.Generator) -> pd.DataFrame:
    return table.assign(error=table["error"] * ratio)


def _bias(
    table: pd.DataFrame, added: Mapping[str, float], _rng: np.random.Generator
) -> pd.DataFrame:
    offset = table["variable"].map(dict(added)).astype(float).fillna(0.0)
    return table.assign(observation=table["observation"] + offset)


def _gross_errors(
    table: pd.DataFrame, share: float, rng: np.random.Generator, *, factor: float
) -> pd.DataFrame:
    hit, sign = rng.random(len(table)) < share, rng.choice([-1.0, 1.0], len(table))
    return table.assign(
        observation=table["observation"] + np.where(hit, sign * factor * table["error"], 0.0)
    )


CHANGES: dict[str, Callable[..., pd.DataFrame]] = {
    "deny": _deny,
    "thin": _thin,
    "misstate": _misstate,
    "bias": _bias,
    "gross_errors": _gross_errors,
}
