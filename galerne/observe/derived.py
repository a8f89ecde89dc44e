r"""Derived variables: what instruments see that follows from variables of the states.

* wind speed, :math:`\sqrt{u^2 + v^2 + \delta^2}`, which has a derivative at calm too;
* thickness of the layer between a level and the next of the states below it,
  :math:`(\Phi(p) - \Phi(p')) / g`;
* column water vapour, :math:`\frac{1}{g} \int q \, dp` over the levels there are (trapezoids);
* brightness temperature of a channel that peaks at :math:`p_0`,
  :math:`\sum_k w_k T_k`, with the weighting function of a well-mixed absorber,
  :math:`w \propto x e^{-x} \, d\ln p`, :math:`x = p / p_0`, of sum one: emission of the surface
  is left out.

All but the speed are linear. Interpolation comes first, so each is one or two sums of
interpolated values: the same for NumPy arrays and tensors.

References:
    | Inverse Methods for Atmospheric Sounding (Rodgers, 2000), section 1.2
    | https://doi.org/10.1142/3171
"""

__all__ = ["Expansion", "expand", "speed"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from jaxtyping import Float, Int64

from ..catalogue import DERIVED, Channel

GRAVITY = 9.80665  # m s-2, standard acceleration of gravity (CGPM 1901)
CALM = 0.01  # m s-1, so small that no anemometer tells it from calm
Term = tuple[str, float, float]  # variable, level [hPa] and factor
Values = TypeVar("Values")


@dataclass(frozen=True)
class Expansion:
    """Derived observations as sums of others.

    Arguments:
        terms: Observations of variables of the states, columns ``time lat lon level variable``.
        factors: What each is multiplied by.
        sums: The sum that each is a part of.
        first: For each observation, its sum, or that of the first component of a wind.
        second: The sum of the second component, or -1 where there is none.
    """

    terms: pd.DataFrame
    factors: Float[np.ndarray, " term"]
    sums: Int64[np.ndarray, " term"]
    first: Int64[np.ndarray, " obs"]
    second: Int64[np.ndarray, " obs"]


def speed(u: Values, v: Values) -> Values:
    """Returns the speed of a wind, of arrays or tensors [unit of both].

    Example:
        >>> float(round(speed(3.0, 4.0), 3)), speed(0.0, 0.0)
        (5.0, 0.01)
    """
    return (u**2 + v**2 + CALM**2) ** 0.5


def expand(observations: pd.DataFrame, channels: Sequence[Channel]) -> Expansion:
    """Writes observations as sums of observations of variables of the states.

    Arguments:
        observations: A table with columns ``time lat lon level variable``.
        channels: The channels of the states.

    Raises:
        ValueError: If what a derived variable follows from, or its level, is not in the states.
    """
    table = observations[["time", "lat", "lon", "level", "variable"]].reset_index(drop=True)
    first, second = np.zeros(len(table), "int64"), np.full(len(table), -1, "int64")
    parts, factors, sums, count = [], [], [], 0
    for key, rows in table.groupby(["variable", "level"], dropna=False).indices.items():
        for which, terms in zip((first, second), _sums(*key, channels), strict=False):
            which[rows] = count + np.arange(len(rows))
            for variable, level, factor in terms:
                parts.append(table.iloc[rows].assign(variable=variable, level=level))
                factors.append(np.full(len(rows), factor))
                sums.append(which[rows].copy())
            count += len(rows)
    return Expansion(
        pd.concat(parts, ignore_index=True), np.concatenate(factors), np.concatenate(sums),
        first, second,
    )  # fmt: skip


def _sums(name: str, level: float, channels: Sequence[Channel]) -> list[list[Term]]:
    """One sum, or one for each component of a wind."""
    present = {channel.variable for channel in channels}
    if name in present or name not in DERIVED:
        return [[(name, level, 1.0)]]
    about = DERIVED[name]
    if missing := [one for one in about.inputs if one not in present]:
        raise ValueError(
            f"observed variable {name!r} follows from {', '.join(about.inputs)}, and the states "
            f"have no {missing[0]!r}"
        )
    if np.isnan(level) == about.on_levels:
        kind = "needs a level" if about.on_levels else "has no levels"
        raise ValueError(f"variable {name!r} {kind}, but is observed at {level} hPa")
    if len(about.inputs) == 2:
        return [[(component, level, 1.0)] for component in about.inputs]
    (source,) = about.inputs
    levels = np.array(sorted(c.level for c in channels if c.variable == source), float)
    if len(levels) < 2:
        raise ValueError(f"observed variable {name!r} needs two levels of {source!r}")
    if name == "layer_thickness":
        return [_thickness(source, level, levels)]
    if name == "total_column_water_vapour":
        weights = _widths(100 * levels) / GRAVITY
    else:
        x = levels / level
        weights = x * np.exp(-x) * _widths(np.log(levels))
        weights = weights / weights.sum()
    return [[(source, p, w) for p, w in zip(levels.tolist(), weights.tolist(), strict=True)]]


def _thickness(source: str, level: float, levels: np.ndarray) -> list[Term]:
    if level not in levels[:-1]:
        raise ValueError(
            f"layer_thickness is observed above levels of the states but the lowest, "
            f"{levels[:-1].tolist()} hPa, not {level:g}"
        )
    below = float(levels[np.searchsorted(levels, level) + 1])
    return [(source, level, 1 / GRAVITY), (source, below, -1 / GRAVITY)]


def _widths(nodes: np.ndarray) -> np.ndarray:
    """Weights of the trapezoidal rule."""
    gaps = np.diff(nodes)
    return (np.append(gaps, 0) + np.insert(gaps, 0, 0)) / 2
