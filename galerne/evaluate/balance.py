r"""How well the fields of a state keep to the balances of the atmosphere.

* ``geostrophic``: of winds between 25 and 70 degrees, the root mean square of what is not
  geostrophic, over that of the wind, :math:`\sqrt{\overline{|v - v_g|^2} / \overline{|v|^2}}`,
  on each level that has winds and geopotential [1];
* ``hydrostatic``: root mean square over the globe of the difference between the virtual
  temperatures of a layer by its thickness and by temperature and humidity, named by its upper
  level [K];
* ``mass``: the global mean of surface pressure, or of sea level pressure in its place [Pa]. Its
  drift is that of the mean between the first and the last state.

None is zero for a true state on a grid: each stands beside that of the truth.

Depends on: numpy.
"""

__all__ = ["imbalances"]

from collections.abc import Sequence

import numpy as np

from jaxtyping import Float

from ..audit.balance import geostrophic_wind, thickness_error
from ..catalogue import Channel
from ..grid.areas import cell_areas

ROWS = (25.0, 70.0)  # degrees; nearer to the equator winds are not geostrophic
PRESSURES = ("surface_pressure", "mean_sea_level_pressure")
Measure = tuple[str, str, float]  # name, variable, level [hPa]
States = Float[np.ndarray, "*batch channel lat lon"]


def imbalances(
    states: States,
    channels: Sequence[Channel],
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
) -> dict[Measure, Float[np.ndarray, "*batch"]]:
    """Measures the imbalances of states, as far as their variables allow.

    Arguments:
        states: States [unit of each channel].
        channels: Their channels.
        latitude: Rows [degrees_north].
        longitude: Columns [degrees_east].

    Returns:
        Each measure by name, unit and level (NaN at the surface).
    """
    batch = states.shape[:-3]
    states = states.reshape(-1, *states.shape[-3:])
    place = {str(channel): k for k, channel in enumerate(channels)}
    levels = sorted({channel.level for channel in channels if channel.level is not None})
    areas = cell_areas(latitude.astype("float64"))
    found: dict[Measure, np.ndarray] = {}
    for level in levels:
        names = [f"{n}_{level}" for n in ("u_component_of_wind", "v_component_of_wind")]
        names.append(f"geopotential_{level}")
        if all(name in place for name in names):
            u, v, phi = (states[..., place[n], :, :].astype("float64") for n in names)
            ratio = _ageostrophic(u, v, phi, latitude, longitude, areas)
            found["geostrophic", "1", float(level)] = ratio
    found |= _hydrostatic(states, place, levels, areas)
    for name in PRESSURES:
        if name in place:
            field = states[..., place[name], :, :].astype("float64")
            found["mass", "Pa", np.nan] = np.einsum("...yx,y->...", field, areas) / len(longitude)
            break
    return {measure: values.reshape(batch) for measure, values in found.items()}


def _ageostrophic(
    u: np.ndarray,
    v: np.ndarray,
    phi: np.ndarray,
    latitude: np.ndarray,
    longitude: np.ndarray,
    areas: np.ndarray,
) -> np.ndarray:
    rows = (np.abs(latitude) >= ROWS[0]) & (np.abs(latitude) <= ROWS[1])
    eastward, northward = geostrophic_wind(phi, latitude, longitude)
    apart = np.square(u - eastward) + np.square(v - northward)
    one, other = (
        np.einsum("...yx,y->...", x[..., rows, :], areas[rows]) for x in (apart, u**2 + v**2)
    )
    return np.sqrt(one / other)


def _hydrostatic(
    states: States, place: dict[str, int], levels: Sequence[int], areas: np.ndarray
) -> dict[Measure, np.ndarray]:
    held = [
        level
        for level in levels
        if f"geopotential_{level}" in place and f"temperature_{level}" in place
    ]
    if len(held) < 2:
        return {}

    def column(name: str) -> np.ndarray:
        return states[..., [place[f"{name}_{level}"] for level in held], :, :].astype("float64")

    moist = all(f"specific_humidity_{level}" in place for level in held)
    humidity = column("specific_humidity") if moist else None
    error = thickness_error(
        column("geopotential"), column("temperature"), humidity, np.array(held, "float64")
    )
    mean = np.einsum("...yx,y->...", np.square(error), areas) / error.shape[-1]
    return {
        ("hydrostatic", "K", float(level)): np.sqrt(mean[..., k])
        for k, level in enumerate(held[:-1])
    }
