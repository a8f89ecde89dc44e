r"""Stations stand above or below the ground of the model, and are colder or warmer for it.

A table of observations may hold the height of the site, ``elevation``, and that of the model's
ground there, ``model_elevation`` [m]. Then temperatures at 2 m are brought to the model's ground
when the table is read, along the lapse rate :math:`\Gamma` of the standard atmosphere,

.. math:: T = T_\mathrm{site} + \Gamma \, (z_\mathrm{site} - z_\mathrm{model})

so that they are assimilated, and verified, at the height that states are of. Nothing else is:
pressure is that of the sea level already, winds and humidity have no such rule. Rows without
a height (NaN) stay as they are.

References:
    | Elevation correction of ERA-Interim temperature data in complex terrain (Gao et al., 2012)
    | https://doi.org/10.5194/hess-16-4661-2012
"""

__all__ = ["HEIGHTS", "as_reported", "at_model_ground", "possible_heights", "with_heights"]

import logging

import numpy as np
import pandas as pd
import xarray as xr

from jaxtyping import Float

from ..catalogue import ELEVATIONS, Channel
from ..source.vertical import GRAVITY, LAPSE_RATE
from .operator import Interpolation

log = logging.getLogger(__name__)

HEIGHTS = ("elevation", "model_elevation")
GROUND = "geopotential_at_surface"
CORRECTED = "2m_temperature"


def with_heights(rows: pd.DataFrame, truth: xr.Dataset) -> pd.DataFrame:
    """Adds the height of the model's ground to temperatures that have the height of their site.

    Arguments:
        rows: A table with columns ``lat lon variable`` and perhaps ``elevation`` [m].
        truth: States, with ``geopotential_at_surface`` [m**2 s**-2] where it is known.

    Returns:
        The rows, with both of :data:`HEIGHTS` if any is known, with neither otherwise.
    """
    if "elevation" not in rows:
        return rows
    known = rows["elevation"].notna() & (rows["variable"] == CORRECTED)
    if known.any() and GROUND not in truth:
        log.warning("heights of sites are left out: the data have no %s", GROUND)
    if not known.any() or GROUND not in truth:
        return rows.drop(columns="elevation")
    ground = np.full(len(rows), np.nan)
    ground[known] = _ground_under(rows[known], truth[GROUND])
    return rows.assign(elevation=rows["elevation"].where(known), model_elevation=ground)


def at_model_ground(observations: pd.DataFrame) -> pd.DataFrame:
    """Brings what sites report to the model's ground; the heights are left out then."""
    if HEIGHTS[0] not in observations:
        return observations
    value = observations["observation"] + _excess(observations)
    return observations.assign(observation=value).drop(columns=list(HEIGHTS))


def as_reported(observations: pd.DataFrame) -> pd.DataFrame:
    """Brings what was seen at the model's ground to the sites; the heights stay."""
    if HEIGHTS[0] not in observations:
        return observations
    return observations.assign(observation=observations["observation"] - _excess(observations))


def possible_heights(observations: pd.DataFrame) -> dict[str, tuple[pd.Series, str]]:
    """Where each height is possible, and what is; nothing of a table without heights.

    One without the other says nothing, and is not possible either.
    """
    if HEIGHTS[0] not in observations:
        return {}
    heights = observations[[*HEIGHTS]]
    nothing, both = heights.isna().all(axis=1), heights.notna().all(axis=1)
    allowed = "{:g} to {:g} m, or NaN as the other height".format(*ELEVATIONS)
    return {
        name: (nothing | (both & heights[name].between(*ELEVATIONS)), allowed) for name in HEIGHTS
    }


def _ground_under(places: pd.DataFrame, geopotential: xr.DataArray) -> Float[np.ndarray, " row"]:
    """The height of the model's ground, interpolated as states are [m]."""
    field = geopotential.transpose("latitude", "longitude")
    anytime = np.array(["1970-01-01"], "datetime64[ns]")
    operator = Interpolation.build(
        places.assign(time=anytime[0], level=np.nan, variable=GROUND),
        times=anytime,
        channels=[Channel(GROUND)],
        latitude=field["latitude"].values,
        longitude=field["longitude"].values,
    )
    return operator.apply(field.values[None, None].astype(float)) / GRAVITY


def _excess(observations: pd.DataFrame) -> Float[np.ndarray, " row"]:
    """How much warmer it is at the model's ground than at the site [K]; zero for other rows."""
    above = observations["elevation"] - observations["model_elevation"]
    concerned = (observations["variable"] == CORRECTED) & above.notna()
    return np.where(concerned, LAPSE_RATE * above, 0.0)
