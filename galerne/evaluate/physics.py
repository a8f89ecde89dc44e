"""Spectra and balances of the members, of their mean and of the truth, from a second look at them.

Both need whole states, one member at a time or a few: memory holds as many as fit. Rows keep sums
over states (``count``), so that windows can be pooled:

* ``spectra``: power by ``kind`` (``zonal``, ``spherical``), wavenumber and channel, of
  ``members`` (their mean power), of the ensemble ``mean`` and of the ``truth`` [unit squared];
* ``balance``: squares of the measures of :mod:`galerne.evaluate.balance`, of members and truth,
  and for ``mass`` the difference of the members from the truth, and ``drift``, that of their
  change from the first to the last state, [unit squared].
"""

__all__ = ["SUMS", "TABLES", "examine"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from ..catalogue import Channel
from ..observe.task import Cutoff
from .balance import imbalances
from .ensemble import Ensemble, lead_hours, read_channels
from .spectra import spherical_power, zonal_power

BOUND = 2**25  # bytes of members in memory; their transforms take eight times as many
TABLES = ("spectra", "balance")
KINDS = {"zonal": zonal_power, "spherical": spherical_power}
SUMS = {"spectra": ("members", "mean", "truth"), "balance": ("members", "truth")}


def examine(
    ensemble: Ensemble,
    truth: xr.Dataset,
    cutoff: Cutoff,
    channels: Sequence[Channel],
    *,
    bound: int = BOUND,
) -> dict[str, pd.DataFrame]:
    """Measures spectra and balances at the valid times of a cutoff.

    Arguments:
        ensemble: The members.
        truth: The true states, with ``latitude`` and ``longitude``.
        cutoff: What was asked for.
        channels: The channels of a state.
        bound: Bytes of members in memory at a time.

    Returns:
        The tables named in :data:`TABLES`, a row by lead and measure; ``count`` is the number of
        states.
    """
    place = (truth["latitude"].values, truth["longitude"].values)
    times = np.array(cutoff.valid, "datetime64[ns]")
    field_bytes = 4 * ensemble.size * len(channels) * place[0].size * place[1].size
    length = max(bound // field_bytes, 1)
    parts = [
        _examine_some(ensemble, truth, cutoff, slice(first, first + length), channels, bound)
        for first in range(0, len(times), length)
    ]
    mass = np.concatenate([part.mass for part in parts], axis=1)
    balances = [row for part in parts for row in part.balances]
    if mass.size and len(times) > 1:
        drift = float(np.mean(np.square(mass[:, -1] - mass[:, 0])))
        lead = int(lead_hours(cutoff)[-1])
        balances.append(_balance(("drift", "Pa", np.nan), lead, drift, 0.0))
    spectra = [table for part in parts for table in part.spectra]
    return {
        "spectra": pd.concat(spectra, ignore_index=True) if spectra else pd.DataFrame(),
        "balance": pd.DataFrame(balances),
    }


@dataclass(frozen=True)
class _Part:
    """What some states show; ``mass`` is that of the members less that of the truth [Pa]."""

    spectra: list[pd.DataFrame]
    balances: list[dict[str, object]]
    mass: np.ndarray


def _examine_some(
    ensemble: Ensemble,
    truth: xr.Dataset,
    cutoff: Cutoff,
    states: slice,
    channels: Sequence[Channel],
    bound: int,
) -> _Part:
    place = (truth["latitude"].values, truth["longitude"].values)
    times = np.array(cutoff.valid, "datetime64[ns]")[states]
    leads = lead_hours(cutoff)[states].tolist()
    true = read_channels(truth.sel(time=times), channels, "the truth")
    exact = imbalances(true, channels, *place)
    power = {kind: 0.0 for kind in KINDS}
    total, squares, masses = np.zeros(true.shape), dict.fromkeys(exact, 0.0), []
    for members in ensemble.some(cutoff, times, channels, bound):
        total += members.sum(axis=0, dtype="float64")
        for kind, function in KINDS.items():
            power[kind] = power[kind] + function(members, place[0]).sum(axis=0)
        for measure, values in imbalances(members, channels, *place).items():
            apart = values - exact[measure] if measure[0] == "mass" else values
            squares[measure] = squares[measure] + np.square(apart).sum(axis=0)
            if measure[0] == "mass":
                masses.append(apart)
    size, balances = ensemble.size, []
    for measure, square in squares.items():
        known = np.zeros(len(times)) if measure[0] == "mass" else np.square(exact[measure])
        for k, lead in enumerate(leads):
            balances.append(_balance(measure, lead, float(square[k]) / size, float(known[k])))
    powers = [
        (kind, power[kind] / size, function(total / size, place[0]), function(true, place[0]))
        for kind, function in KINDS.items()
    ]
    spectra = [
        _spectrum(kind, channel, lead, *(values[k, c] for values in three))
        for kind, *three in powers
        for k, lead in enumerate(leads)
        for c, channel in enumerate(channels)
    ]
    mass = np.concatenate(masses) if masses else np.zeros((size, 0))
    return _Part(spectra, balances, mass)


def _spectrum(
    kind: str,
    channel: Channel,
    lead: int,
    members: np.ndarray,
    mean: np.ndarray,
    truth: np.ndarray,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": kind,
            "variable": channel.variable,
            "level": np.nan if channel.level is None else float(channel.level),
            "lead_hours": lead,
            "wavenumber": np.arange(len(truth)),
            "count": 1,
            "members": members,
            "mean": mean,
            "truth": truth,
        }
    )


def _balance(
    measure: tuple[str, str, float], lead: int, members: float, truth: float
) -> dict[str, object]:
    name, units, level = measure
    about = {"measure": name, "units": units, "level": level, "lead_hours": lead, "count": 1}
    return about | {"members": members, "truth": truth}
