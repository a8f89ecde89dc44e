r"""Numbers that tell a sound field from a faulty one, for each time and level of a variable.

The *roughness* of a field is one minus its correlation with itself one column further east,

.. math:: r = \frac{\overline{(x_{i+1} - x_i)^2}}{2\, \overline{(x_i - \bar x)^2}},

with means along the latitudes within 60 degrees of the equator: some hundredths for a resolved
field, one for noise, or for a field that was thinned without smoothing. The *contrast* is the
mean between 55 and 70 degrees south less that between 55 and 70 degrees north.

Conventions: latitude in degrees_north, longitude in degrees_east; moments are weighted by area.
Depends on: numpy only.
"""

__all__ = ["measure_fields"]

import zlib

import numpy as np

from jaxtyping import Float, Shaped

from ..catalogue import Variable

Values = Float[np.ndarray, "time lat lon"]
Measures = dict[str, Shaped[np.ndarray, " time"]]
SMOOTH_BELOW = 60.0  # degrees of latitude: columns converge beyond
BAND = (55.0, 70.0)  # degrees of latitude


def measure_fields(
    x: Values,
    about: Variable,
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
    areas: Float[np.ndarray, " lat"],
) -> Measures:
    """Measures fields of one variable on one level.

    Arguments:
        x: The values [unit of the variable].
        about: The variable.
        latitude: Rows [degrees_north].
        longitude: Columns [degrees_east].
        areas: The share of the sphere of each row [1].

    Returns:
        For each time ``size`` and ``bad`` (number of points, and of those not finite), ``mask``
        (a checksum of where they are), ``low`` and ``high`` (points outside the physical
        range), ``minimum`` and ``maximum`` [unit], ``mean`` [unit] and ``variance`` [unit
        squared] of the finite points, ``pole_spread`` (the range of values of a row on a pole
        [unit]; NaN without one), ``roughness`` [1] and ``contrast`` [unit]; and with each of
        ``bad``, ``minimum`` and ``maximum`` its ``_latitude`` and ``_longitude``.
    """
    finite = np.isfinite(x)
    whole = bool(finite.all())
    bad = np.zeros(len(x), int) if whole else (~finite).sum((1, 2))
    with np.errstate(invalid="ignore"):
        found: Measures = {
            "size": np.full(len(x), x[0].size),
            "bad": bad,
            "mask": np.array([_checksum(f) if b else 0 for f, b in zip(finite, bad, strict=True)]),
            "low": (x < about.minimum).sum((1, 2)),
            "high": (x > about.maximum).sum((1, 2)),
        }
    place = {"bad": ~finite if not whole else np.zeros(x.shape, bool)}
    low, high = (x, x) if whole else (np.where(finite, x, s * np.inf) for s in (1, -1))
    for name, index in (
        ("bad", place["bad"].reshape(len(x), -1).argmax(-1)),
        ("minimum", low.reshape(len(x), -1).argmin(-1)),
        ("maximum", high.reshape(len(x), -1).argmax(-1)),
    ):
        rows, columns = np.unravel_index(index, x.shape[1:])
        found |= {f"{name}_latitude": latitude[rows], f"{name}_longitude": longitude[columns]}
        if name != "bad":
            found[name] = x[np.arange(len(x)), rows, columns].astype("float64")
    found |= dict(zip(("mean", "variance"), _moments(x, finite, whole, areas), strict=True))
    return found | {
        "pole_spread": _pole_spread(x, latitude),
        "roughness": _roughness(x[:, np.abs(latitude) < SMOOTH_BELOW]),
        "contrast": _contrast(x, latitude),
    }


def _checksum(finite: np.ndarray) -> int:
    return zlib.crc32(np.packbits(finite).tobytes())


def _moments(
    x: Values, finite: np.ndarray, whole: bool, areas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Area-weighted mean and variance of the finite points, summed in float64."""
    values = x if whole else np.where(finite, x, np.float32(0))
    points = np.full(x.shape[:2], x.shape[-1]) if whole else finite.sum(-1)
    weight = points @ areas
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = values.sum(-1, dtype="float64") @ areas / weight
        gaps = values - mean[:, None, None].astype("float32")
        if not whole:
            gaps[~finite] = 0
        squares = np.einsum("tij,tij->ti", gaps, gaps, dtype="float64")
        return mean, squares @ areas / weight


def _pole_spread(x: Values, latitude: np.ndarray) -> np.ndarray:
    rows = [k for k in (0, -1) if abs(latitude[k]) > 90 - 1e-6]
    if not rows:
        return np.full(len(x), np.nan)
    return np.max([np.ptp(x[:, k], axis=-1) for k in rows], axis=0).astype("float64")


def _roughness(x: Values) -> np.ndarray:
    if not x.shape[1]:
        return np.full(len(x), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = x - x.mean(-1, keepdims=True)
        steps = np.diff(gaps, axis=-1, append=gaps[..., :1])
        size = np.einsum("tij,tij->t", gaps, gaps, dtype="float64")
        rough = np.einsum("tij,tij->t", steps, steps, dtype="float64")
        return np.where(size > 0, rough / (2 * size), np.nan)


def _contrast(x: Values, latitude: np.ndarray) -> np.ndarray:
    south, north = ((s * latitude >= BAND[0]) & (s * latitude <= BAND[1]) for s in (-1, 1))
    if not south.any() or not north.any():
        return np.full(len(x), np.nan)
    return x[:, south].mean((1, 2), dtype="float64") - x[:, north].mean((1, 2), dtype="float64")
