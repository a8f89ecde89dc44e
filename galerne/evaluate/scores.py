r"""Scores of an ensemble, from statistics that can be pooled.

For members :math:`x_m`, their mean :math:`\bar x` and the truth :math:`y`, five means over
places are kept: of the squared error :math:`(\bar x - y)^2`, the error :math:`\bar x - y`,
the unbiased variance :math:`\frac{1}{M-1}\sum_m (x_m - \bar x)^2`, the CRPS, and the squared
error of the observation :math:`r^2`, zero where the truth is known. Then

.. math::
    \text{rmse} = \sqrt{\max(\text{mse} - r^2, 0)}, \qquad
    \text{spread} = \sqrt{\overline{\text{var}}}, \qquad
    \text{ssr} = \sqrt{\frac{\frac{M+1}{M}\,\overline{\text{var}} + r^2}{\text{mse}}}

An ensemble from which the truth could have been drawn has :math:`\text{ssr} = 1` whatever
its size: the mean of :math:`M` members errs by :math:`\sigma^2 (1 + 1/M)`, and the error of
an observation adds :math:`r^2` to that.

References:
    | Why should ensemble spread match the RMSE of the ensemble mean? (Fortin et al., 2014)
    | https://doi.org/10.1175/JHM-D-14-0008.1
    | Estimation of the CRPS with limited information (Zamo and Naveau, 2018)
    | https://doi.org/10.1007/s11004-017-9709-7
"""

__all__ = ["METRICS", "STATISTICS", "field_statistics", "metrics", "point_statistics"]

from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr

from jaxtyping import Float
from scores.continuous import mae, mean_error, mse
from scores.probability import crps_for_ensemble
from scores.processing import aggregate

from ..grid.areas import cell_areas

Estimator = Literal["fair", "ecdf"]
METRICS = ("rmse", "bias", "crps", "spread", "ssr")
STATISTICS = ("squared_error", "error", "variance", "crps", "error_variance")


def field_statistics(
    members: Float[np.ndarray, "member channel lat lon"],
    truth: Float[np.ndarray, "channel lat lon"],
    latitude: Float[np.ndarray, " lat"],
    *,
    crps: Estimator,
) -> dict[str, Float[np.ndarray, " channel"]]:
    """Computes the statistics of fields, each cell weighted by its area.

    Arguments:
        members: The ensemble [unit of each channel].
        truth: The true state [unit of each channel].
        latitude: Rows of the grid [degrees_north].
        crps: Estimator of the CRPS: ``fair`` (of an ensemble as large as one likes) or
            ``ecdf`` (of the members as they are). One member has its absolute error.

    Returns:
        Each of :data:`STATISTICS` by channel [unit, or unit squared].
    """
    dims = ("channel", "latitude", "longitude")
    areas = xr.DataArray(cell_areas(latitude.astype("float64")), dims="latitude")
    found = _statistics(
        xr.DataArray(members.astype("float64"), dims=("number", *dims)),
        xr.DataArray(truth.astype("float64"), dims=dims),
        ("latitude", "longitude"),
        crps,
        areas,
    )
    return {name: array.values for name, array in found.items()} | {
        "error_variance": np.zeros(len(truth))
    }


def point_statistics(
    members: Float[np.ndarray, "member obs"],
    observations: Float[np.ndarray, " obs"],
    errors: Float[np.ndarray, " obs"],
    noise: Float[np.ndarray, "member obs"],
    *,
    crps: Estimator,
) -> dict[str, float]:
    """Computes the statistics at observations that carry an error.

    The CRPS asks whether the observation could be a member, so each member is given an
    error as well; one member alone keeps its absolute error against the observation.

    Arguments:
        members: What the observations would be for each member, without error [unit].
        observations: The observations [unit].
        errors: The standard deviation of the error of each [unit].
        noise: A draw of the errors for each member [unit].
        crps: Estimator of the CRPS.

    Returns:
        Each of :data:`STATISTICS` [unit, or unit squared].
    """
    plain = xr.DataArray(members.astype("float64"), dims=("number", "obs"))
    seen = xr.DataArray(observations, dims="obs")
    found = _statistics(plain, seen, ("obs",), crps)
    if len(members) > 1:
        noisy = xr.DataArray(members + noise, dims=("number", "obs"))
        found["crps"] = crps_for_ensemble(noisy, seen, "number", method=crps)
    values = {name: float(array) for name, array in found.items()}
    return values | {"error_variance": float(np.mean(errors**2))}


def metrics(statistics: Mapping[str, float], members: int) -> dict[str, float]:
    """Turns statistics, pooled or not, into metrics.

    Arguments:
        statistics: Each of :data:`STATISTICS`.
        members: Size of the ensemble; one alone has neither spread nor ratio.

    Returns:
        ``rmse``, ``bias``, ``crps`` and, of an ensemble, ``spread`` [unit] and ``ssr`` [1].

    Example:
        >>> calibrated = dict(squared_error=1.5, error=0.0, variance=1.0, crps=0.5)
        >>> metrics(calibrated | {"error_variance": 0.0}, members=2)["ssr"]
        1.0
    """
    squared, noise = statistics["squared_error"], statistics["error_variance"]
    found = {
        "rmse": float(np.sqrt(max(squared - noise, 0.0))),
        "bias": float(statistics["error"]),
        "crps": float(statistics["crps"]),
    }
    if members < 2:
        return found
    variance = statistics["variance"]
    expected = (members + 1) / members * variance + noise
    ratio = np.sqrt(expected / squared) if squared > 0 else np.nan
    return found | {"spread": float(np.sqrt(variance)), "ssr": float(ratio)}


def _statistics(
    members: xr.DataArray,
    truth: xr.DataArray,
    over: tuple[str, ...],
    crps: Estimator,
    weights: xr.DataArray | None = None,
) -> dict[str, xr.DataArray]:
    """Means over some dimensions, by the functions of the library ``scores``."""
    mean = members.mean("number")
    options = {"reduce_dims": over, "weights": weights}
    alone = members.sizes["number"] < 2
    variance = xr.zeros_like(mean) if alone else members.var("number", ddof=1)
    judged = (
        mae(mean, truth, **options)
        if alone
        else crps_for_ensemble(members, truth, "number", method=crps, **options)
    )
    return {
        "squared_error": mse(mean, truth, **options),
        "error": mean_error(mean, truth, **options),
        "variance": aggregate(variance, **options),
        "crps": judged,
    }
