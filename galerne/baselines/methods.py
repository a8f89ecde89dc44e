"""Baselines by kind: what each is, what it targets, and the states that a task asks of it.

A task is cut as for the posterior: for each cutoff, the states asked for are analysed from the
observations up to it that are not withheld. A state is analysed together with those within
``REACH`` hours of it; a longer stretch in pieces, so that memory does not grow with it. Members
are continuous in time within a piece.
"""

__all__ = ["ANALYSES", "REACH", "TARGETS", "Materials", "draw_asked", "draw_persisted", "labelled"]

import json

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr

from jaxtyping import Float
from torch import Tensor

from ..latent.record import StandardisedStates
from ..nn.checkpoint import load_module
from ..observe.task import Cutoff, usable
from ..stats.transform import Transform
from .covariance import WaveCovariance
from .cressman import correct_successively
from .fields import Case, Noise
from .interpolation import analyse, kernel_covariance
from .letkf import analyse_locally
from .trajectories import draw_climate, read_trajectories

REACH = 48  # hours before and after a state from which observations count
PIECE = 16  # most states asked for that are analysed together

# Which prior and which likelihood a kind targets, written into its products and the documentation.
TARGETS = {
    "climatology": ("trajectories of the training data at the season and hour", "none"),
    "persistence": ("that of the analysis persisted", "that of the analysis persisted"),
    "cressman": ("none", "none: a scheme of weighted means"),
    "gaussian_process": (
        "Gaussian about the climatology, an isotropic kernel for each channel by itself",
        "Gaussian errors of the observations, with their correlations",
    ),
    "optimal_interpolation": (
        "Gaussian about the climatology, the covariance of the training data by zonal wavenumber",
        "Gaussian errors of the observations, with their correlations",
    ),
    "letkf": (
        "Gaussian about the climatology, the localised covariance of some training trajectories",
        "Gaussian errors of the observations, with their correlations, greater with distance",
    ),
}


@dataclass(frozen=True)
class Materials:
    """What analyses are made from.

    Arguments:
        transform: The transform between anomalies and fields.
        covariance: The covariance of the training data, where a kind needs it.
        training: The training data, where a kind needs them.
        kept: Trajectories that were read, for analyses of the same window with other settings.
    """

    transform: Transform
    covariance: WaveCovariance | None = None
    training: StandardisedStates | None = None
    kept: dict[tuple[object, ...], Tensor] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        path_climatology: Path,
        paths_covariance: Sequence[Path],
        paths_training: Sequence[Path],
    ) -> "Materials":
        """Opens what there is."""
        transform, covariance, training = Transform.open(path_climatology), None, None
        for path in paths_covariance:
            covariance = load_module(WaveCovariance, path)
        if paths_training:
            training = StandardisedStates(paths_training, transform, threads=1, keep=False)
        return cls(transform, covariance, training)

    def analysis(self, kind: str, settings: Mapping[str, object]) -> "Analysis":
        """Returns the analysis of a kind with some settings.

        Raises:
            ValueError: If there is no such kind.
        """
        if kind not in ANALYSES:
            raise ValueError(f"unknown baseline {kind!r}; allowed: {', '.join(ANALYSES)}")
        return ANALYSES[kind](self, **settings)


Analysis = Callable[[Case], Float[Tensor, "member state channel lat lon"]]


def _climatology(materials: Materials, **settings: int | float) -> Analysis:
    return lambda case: draw_climate(case, materials.training, **settings)


def _optimal_interpolation(materials: Materials, **settings: int | float) -> Analysis:
    settings.pop("components")
    return partial(analyse, covariance=materials.covariance, **settings)


def _gaussian_process(
    materials: Materials, *, iterations: int, modes: int, **kernel: int | float
) -> Analysis:
    def found(case: Case) -> Tensor:
        covariance = kernel_covariance(materials.transform, step_hours=case.step_hours, **kernel)
        return analyse(case, covariance, iterations=iterations, modes=modes)

    return found


def _letkf(
    materials: Materials, *, trajectories: int, season_days: float, **settings: int | float
) -> Analysis:
    def found(case: Case) -> Tensor:
        key, kept = (case.times[0], len(case.times), trajectories, season_days), materials.kept
        if key not in kept:
            about = {"count": trajectories, "season_days": season_days}
            kept[key] = read_trajectories(materials.training, case, **about)
        return analyse_locally(case, kept[key], **settings)

    return found


def _cressman(materials: Materials, **settings: int | float) -> Analysis:
    return lambda case: correct_successively(case, **settings)


ANALYSES: dict[str, Callable[..., Analysis]] = {
    "climatology": _climatology,
    "cressman": _cressman,
    "gaussian_process": _gaussian_process,
    "optimal_interpolation": _optimal_interpolation,
    "letkf": _letkf,
}


def draw_asked(
    analysis: Analysis,
    transform: Transform,
    table: pd.DataFrame,
    times: np.ndarray,
    asked: Sequence[Cutoff],
    *,
    members: Sequence[int],
    seed: int,
) -> Float[np.ndarray, "member state channel lat lon"]:
    """Draws the states that a task asks for [unit of each variable].

    Arguments:
        analysis: What a kind makes of a case.
        transform: The transform between anomalies and fields.
        table: All observations.
        times: The times of the states of the stretch, shape (state,).
        asked: The cutoffs of the task.
        members: The members to draw; an analysis without spread gives one.
        seed: Seed of the noise, the same for every cutoff.

    Raises:
        FloatingPointError: If an analysis is not finite.
    """
    noise, found = Noise(seed, members), []
    for cutoff in asked:
        wanted = np.flatnonzero(np.isin(times, cutoff.valid))
        for first in range(0, len(wanted), PIECE):
            states = wanted[first : first + PIECE]
            span = times[_around(times, cutoff, states)]
            own = usable(table, span, min(cutoff.last_observation, span[-1])).table
            case = Case(transform, own, span, noise, members)
            anomalies = analysis(case)[:, np.flatnonzero(np.isin(span, times[states])).tolist()]
            if not torch.isfinite(anomalies).all():
                raise FloatingPointError(f"the analysis of {span[0]} to {span[-1]} is not finite")
            found.append(transform.inverse(anomalies.numpy(), times[states]))
    return np.concatenate(found, axis=1)


def draw_persisted(
    asked: Sequence[Cutoff], draw: Callable[[Sequence[Cutoff]], np.ndarray]
) -> Float[np.ndarray, "member state channel lat lon"]:
    """Repeats the analysis at the last observation for every state after it.

    Arguments:
        asked: The cutoffs of a forecast.
        draw: Draws the states that cutoffs ask for.
    """
    now = [replace(cutoff, valid=(cutoff.last_observation,)) for cutoff in asked]
    return np.repeat(draw(now), [len(cutoff.valid) for cutoff in asked], axis=1)


def labelled(
    ensemble: xr.Dataset, kind: str, settings: Mapping[str, object], persists: bool
) -> xr.Dataset:
    """Writes onto an ensemble what made it: prior, likelihood and settings of the analysis."""
    prior, likelihood = TARGETS[kind]
    ensemble.attrs |= {
        "baseline": f"persistence of {kind}" if persists else kind,
        "prior": prior,
        "likelihood": likelihood,
        "settings": json.dumps(dict(settings)),
    }
    return ensemble


def _around(times: np.ndarray, cutoff: Cutoff, states: np.ndarray) -> slice:
    """The states that are analysed together with some: two at least, and with all that counts."""
    reach = np.timedelta64(REACH, "h")
    begin = min(times[states[0]], cutoff.last_observation) - reach
    inside = np.flatnonzero((times >= begin) & (times <= times[states[-1]] + reach))
    last = inside[-1]
    if cutoff.last_observation < times[-1]:  # nothing was seen later
        last = max(states[-1], np.flatnonzero(times <= cutoff.last_observation)[-1])
    return slice(min(inside[0], max(len(times) - 2, 0)), max(last, inside[0] + 1) + 1)
