"""Choosing settings of a baseline on windows of the validation period.

Every combination of the declared values is tried on the same windows and observations, with the
same noise; the one of least error is kept, the first of equals.
"""

__all__ = ["combinations", "read_chosen", "relative_crps", "tune"]

import json

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import xarray as xr

from jaxtyping import Float
from scores.continuous import mae
from scores.probability import crps_for_ensemble

from ..grid.areas import cell_areas
from ..stats.transform import Transform

Settings = dict[str, object]


def combinations(settings: Mapping[str, object]) -> list[Settings]:
    """Lists every combination of settings that have several values.

    Example:
        >>> combinations({"hours": [12, 24], "modes": 3})
        [{'hours': 12, 'modes': 3}, {'hours': 24, 'modes': 3}]
    """
    values = [v if isinstance(v, list) else [v] for v in settings.values()]
    return [dict(zip(settings, chosen, strict=True)) for chosen in product(*values)]


def tune(settings: Mapping[str, object], error: Callable[[Settings], float]) -> Settings:
    """Tries every combination.

    Arguments:
        settings: Settings; those that are lists are tried.
        error: The error of a combination [1].

    Returns:
        ``tried``, each combination with its error, and ``chosen``, the best of them.

    Raises:
        ValueError: If no error is finite.
    """
    tried = [{"settings": one, "error": error(one)} for one in combinations(settings)]
    finite = [one for one in tried if one["error"] < float("inf")]
    if not finite:
        raise ValueError(f"no setting of {dict(settings)} has a finite error")
    return {"tried": tried, "chosen": min(finite, key=lambda one: one["error"])["settings"]}


def relative_crps(
    members: Float[np.ndarray, "member state channel lat lon"],
    truth: Float[np.ndarray, "state channel lat lon"],
    transform: Transform,
) -> float:
    """Returns the fair CRPS over the scale of anomalies, averaged over area, states, channels [1].

    Arguments:
        members: The ensemble [unit of each channel]; of one alone it is the absolute error.
        truth: The true states [unit of each channel].
        transform: Holds grid and scale.
    """
    dims = ("state", "channel", "latitude", "longitude")
    areas = xr.DataArray(cell_areas(transform.latitude.astype("float64")), dims="latitude")
    scale = transform.scale[:, None, None]
    ensemble = xr.DataArray(members.astype("float64") / scale, dims=("number", *dims))
    true = xr.DataArray(truth.astype("float64") / scale, dims=dims)
    if len(members) < 2:
        return float(mae(ensemble.isel(number=0), true, weights=areas))
    return float(crps_for_ensemble(ensemble, true, "number", method="fair", weights=areas))


def read_chosen(
    baseline: Mapping[str, object], paths: Sequence[Path]
) -> tuple[str, dict[str, object]]:
    """Returns the kind of a baseline and its settings, those tuned as they were chosen.

    Arguments:
        baseline: The kind and the settings that are configured.
        paths: The file of what was chosen; none where nothing was tuned.

    Raises:
        ValueError: If the file is not readable or is of another baseline.
    """
    kind = str(baseline["kind"])
    settings = {k: v for k, v in baseline.items() if k not in ("kind", "persists")}
    for path in paths:
        try:
            chosen = json.loads(path.read_text())["chosen"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} says of no chosen settings: {error}") from error
        if chosen not in combinations(settings):
            raise ValueError(f"{path}: {chosen} is none of what {kind} tries, {settings}")
        return kind, chosen
    return kind, combinations(settings)[0]
