"""Blocks of baselines, told apart by ``kind``, and how they are tuned.

A key that takes a list is tuned: every combination of such values is tried on windows of the
validation period, the same number at most for every baseline.
Defaults live in ``config/default.yaml`` alone: no model gives one.
"""

__all__ = ["Baseline", "Tuning", "check_baselines", "check_tuning", "tuned"]

from datetime import datetime, timedelta
from math import prod
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from .paths import Name
from .strict import Strict

Positive = Annotated[float, Field(gt=0)]
Lengths = Annotated[list[Positive], Field(min_length=1, description="Lengths to try [km].")]
Hours = Annotated[list[Positive], Field(min_length=1, description="Lengths in time to try [h].")]
Inflations = Annotated[
    list[Positive], Field(min_length=1, description="Factors of the prior's variance to try.")
]
Days = Annotated[
    float, Field(gt=0, le=183, description="Greatest distance in the year of trajectories [days].")
]
Iterations = Annotated[int, Field(ge=1, le=500, description="Iterations of the solver.")]
Modes = Annotated[
    int, Field(ge=1, le=8192, description="Leading vectors of the covariance that precondition.")
]


class Climatology(Strict):
    """Trajectories of the training data at the same season and hour; no observation is used."""

    kind: Literal["climatology"]
    season_days: Days


class Persistence(Strict):
    """The last analysis of another baseline, as the forecast at every lead; of no other task."""

    kind: Literal["persistence"]
    of: Name = Field(description="The baseline whose analysis persists.")


class Cressman(Strict):
    """Successive corrections: weighted means of misfits, channel by channel; one member."""

    kind: Literal["cressman"]
    radius_km: Lengths
    hours: Hours
    passes: int = Field(ge=1, le=8, description="Passes, each with half the radius of the last.")


class GaussianProcess(Strict):
    """Kriging on the sphere, channel by channel."""

    kind: Literal["gaussian_process"]
    length_km: Lengths
    hours: Hours
    components: int = Field(ge=1, description="Components of each wavenumber and channel.")
    iterations: Iterations
    modes: Modes


class OptimalInterpolation(Strict):
    """Optimal interpolation with the covariance of the training data, by zonal wavenumber."""

    kind: Literal["optimal_interpolation"]
    components: int = Field(ge=1, description="Components of each wavenumber.")
    memory_hours: Hours
    inflation: Inflations
    iterations: Iterations
    modes: Modes


class Letkf(Strict):
    """The local ensemble transform Kalman filter with trajectories of the training data."""

    kind: Literal["letkf"]
    trajectories: int = Field(ge=4, le=2000, description="Trajectories in the ensemble.")
    season_days: Days
    length_km: Lengths
    hours: Hours
    inflation: Inflations
    stride: int = Field(ge=1, le=8, description="Rows and columns between points with weights.")


Baseline = Annotated[
    Climatology | Persistence | Cressman | GaussianProcess | OptimalInterpolation | Letkf,
    Field(discriminator="kind"),
]


class Tuning(Strict):
    """How baselines are tuned: alike for all."""

    windows: int = Field(ge=1, le=1000, description="Windows, evenly in the validation periods.")
    window_hours: int = Field(ge=1, description="From the first to the last state of each [h].")
    members: int = Field(ge=2, le=1000, description="Members of each analysis that is judged.")
    settings: int = Field(ge=1, le=1000, description="Most combinations tried for a baseline.")


def tuned(baseline: BaseModel) -> int:
    """Returns how many combinations of settings a baseline has to be chosen from."""
    values = baseline.model_dump().values()
    return prod(len(value) for value in values if isinstance(value, list))


def check_baselines(config: BaseModel, where: str, experiment: BaseModel) -> None:
    """Refuses baselines of an experiment that do not fit.

    Raises:
        ValueError: Naming the key at fault and what is allowed.
    """
    dataset = config.datasets[experiment.dataset]
    for name in experiment.baselines:
        if name not in config.baselines:
            known = ", ".join(config.baselines)
            raise ValueError(f"{where}.baselines: no {name!r} under baselines; defined: {known}")
        baseline, at = config.baselines[name], f"baselines.{name}"
        if name in config.methods:
            raise ValueError(f"{at}: methods.{name} has the same name, and products lie under it")
        if experiment.baselines.count(name) > 1:
            raise ValueError(f"{where}.baselines: {name} is there twice")
        if baseline.kind == "persistence":
            baseline = _persisted(config, at, baseline)
        if (count := tuned(baseline)) > config.tuning.settings:
            raise ValueError(
                f"{at}: {count} combinations to try, but tuning.settings gives every baseline "
                f"{config.tuning.settings} at most"
            )
        if baseline.kind == "letkf" and experiment.members > baseline.trajectories:
            raise ValueError(
                f"{at}.trajectories: {baseline.trajectories} are fewer than the "
                f"{experiment.members} members of {where}"
            )
        if tuned(baseline) > 1:
            check_tuning(config.tuning, experiment.dataset, dataset)


def _persisted(config: BaseModel, at: str, baseline: Persistence) -> BaseModel:
    apart = ("climatology", "persistence")
    allowed = [name for name, b in config.baselines.items() if b.kind not in apart]
    if baseline.of not in allowed:
        raise ValueError(f"{at}.of: no analysis {baseline.of!r}; allowed: {', '.join(allowed)}")
    return config.baselines[baseline.of]


def check_tuning(tuning: Tuning, name: str, dataset: BaseModel) -> list[datetime]:
    """Returns the first times of the windows that baselines are tuned on.

    They begin at midnight, spread evenly over all midnights of the validation periods whose
    windows fit.

    Raises:
        ValueError: If they do not fit.
    """
    if tuning.window_hours % dataset.step_hours:
        raise ValueError(
            f"tuning.window_hours: {tuning.window_hours} is not a multiple of the "
            f"{dataset.step_hours} hours between states of datasets.{name}"
        )
    length, starts = timedelta(hours=tuning.window_hours), []
    for period in dataset.periods.values():
        if period.role != "validation":
            continue
        step = timedelta(hours=dataset.step_hours)
        start = period.start
        while start + length <= period.end:
            whole = not any(span.touches(start, start + length) for span in dataset.exclude)
            starts += [start] if whole and start.hour < dataset.step_hours else []
            start += step
    if len(starts) < tuning.windows:
        raise ValueError(
            f"tuning.windows: {tuning.windows} windows of {tuning.window_hours} hours do not fit "
            f"the validation periods of datasets.{name}: at most {len(starts)}"
        )
    spread = [(2 * k + 1) * len(starts) // (2 * tuning.windows) for k in range(tuning.windows)]
    return [starts[k] for k in spread]
