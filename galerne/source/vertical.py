r"""From the sigma levels of a model to pressure levels.

Between two model levels, temperature, wind and humidity are linear in :math:`\ln p`, and
geopotential follows from the hydrostatic equation for that temperature. Writing :math:`w` for
the fraction of the way from the upper level 1 to the lower level 2 and
:math:`\Delta = \ln p_2 - \ln p_1`,

.. math::
    \Phi = (1 - w) \Phi_1 + w \Phi_2 + \tfrac12 R \Delta (T_2 - T_1) w (1 - w).

Above the highest level the air is isothermal. Below the lowest, also below the ground,
temperature follows a constant lapse rate :math:`\Gamma`, so that

.. math::
    T = T_b (p / p_b)^{R \Gamma / g}, \qquad \Phi = \Phi_b - (T - T_b) g / \Gamma,

and wind and humidity keep the values of the lowest level; sea-level pressure reduces surface
pressure along the same profile.

Conventions: model levels from the top down; pressure in Pa here, as everywhere inside.
Depends on: numpy only.

References:
    | Trenberth, Berry and Buja (1993), Vertical interpolation and truncation of
    | model-coordinate data, NCAR/TN-396+STR, https://doi.org/10.5065/D6HX19NH
"""

__all__ = ["GAS_CONSTANT", "GRAVITY", "LAPSE_RATE", "sea_level_pressure", "to_pressure_levels"]

import numpy as np

from jaxtyping import Float

GRAVITY = 9.80665  # standard gravity [m s**-2], CGPM 1901
GAS_CONSTANT = 287.05  # of dry air [J kg**-1 K**-1], US Standard Atmosphere 1976
LAPSE_RATE = 0.0065  # of the troposphere [K m**-1], US Standard Atmosphere 1976

Column = Float[np.ndarray, "sigma lon lat"]
Level = Float[np.ndarray, "level lon lat"]
Surface = Float[np.ndarray, "lon lat"]


def to_pressure_levels(
    fields: dict[str, Column],
    sigma: Float[np.ndarray, "sigma"],
    surface_pressure: Surface,
    pressure: Float[np.ndarray, "level"],
) -> dict[str, Level]:
    """Interpolates fields on sigma levels to pressure levels.

    Arguments:
        fields: Fields on sigma levels; ``temperature`` [K] and ``geopotential`` [m**2 s**-2]
            are required, any other is interpolated as it is.
        sigma: Pressure over surface pressure of each level [1], strictly increasing.
        surface_pressure: The pressure at the ground [Pa].
        pressure: The levels wanted [Pa].

    Returns:
        The same fields on pressure levels, in the order of ``pressure``.
    """
    logs = np.log(sigma).astype("float32")
    depth = np.log(pressure).astype("float32")[:, None, None] - np.log(surface_pressure)
    lower = np.clip(np.searchsorted(logs, depth), 1, len(logs) - 1)
    thickness = logs[lower] - logs[lower - 1]
    weight = (depth - logs[lower - 1]) / thickness
    inside = np.clip(weight, 0, 1)

    def linear(field: Column) -> Level:
        above, below = (np.take_along_axis(field, i, axis=0) for i in (lower - 1, lower))
        return above + (below - above) * inside

    found = {name: linear(field) for name, field in fields.items()}
    t, phi = fields["temperature"], fields["geopotential"]
    t1, t2 = (np.take_along_axis(t, i, axis=0) for i in (lower - 1, lower))
    curve = GAS_CONSTANT / 2 * thickness * (t2 - t1) * inside * (1 - inside)
    above_top = -GAS_CONSTANT * t1 * thickness * np.minimum(weight, 0)
    t_below, phi_below = _extrapolated(t[-1], phi[-1], depth - logs[-1])
    found["geopotential"] += curve + above_top
    found["geopotential"] = np.where(weight > 1, phi_below, found["geopotential"])
    found["temperature"] = np.where(weight > 1, t_below, found["temperature"])
    return {name: field.astype("float32", copy=False) for name, field in found.items()}


def sea_level_pressure(
    surface_pressure: Surface,
    temperature: Surface,
    geopotential: Surface,
    ground: Surface,
) -> Surface:
    """Reduces the pressure at the ground to sea level along a constant lapse rate.

    Arguments:
        surface_pressure: The pressure at the ground [Pa].
        temperature: The temperature of the lowest model level [K].
        geopotential: The geopotential of the lowest model level [m**2 s**-2].
        ground: The geopotential of the ground [m**2 s**-2].

    Returns:
        The pressure at sea level [Pa].
    """
    at_ground = temperature + LAPSE_RATE / GRAVITY * (geopotential - ground)
    warming = 1 + LAPSE_RATE * ground / (GRAVITY * at_ground)
    reduced = surface_pressure * warming ** (GRAVITY / (GAS_CONSTANT * LAPSE_RATE))
    return reduced.astype("float32", copy=False)


def _extrapolated(
    temperature: Surface, geopotential: Surface, depth: Level
) -> tuple[Level, Level]:
    """Temperature and geopotential at a depth (in ln p) below the lowest level."""
    below = temperature * np.exp(np.float32(GAS_CONSTANT * LAPSE_RATE / GRAVITY) * depth)
    return below, geopotential - (below - temperature) * np.float32(GRAVITY / LAPSE_RATE)
