r"""First-order conservative regridding between latitude-longitude grids.

The mean over a target cell is the mean of the source cells that it overlaps, weighted by the
area of the overlap. On a latitude-longitude grid that area is a product of

.. math::
    \sin\phi_n - \sin\phi_s \quad\text{and}\quad \lambda_e - \lambda_w,

so regridding is two small matrices, one over rows and one over columns. Longitude is
periodic; the first and last row reach to the poles. A constant stays constant, and the
integral over the sphere is kept.

Winds are regridded component by component: within a cell, east is taken to point one way.
That is exact nowhere but at the equator, good where cells are small against the distance to
the pole, and worst in the rows next to the poles.

Conventions: any monotonic latitude, evenly spaced or not; longitudes increasing within 360.
Depends on: numpy, xarray.

References:
    | Jones (1999), First- and second-order conservative remapping schemes
    | https://doi.org/10.1175/1520-0493(1999)127%3C2204:FASOCR%3E2.0.CO;2
"""

__all__ = ["latitude_overlap", "longitude_overlap", "regrid"]

from collections.abc import Callable

import dask.array as da
import numpy as np
import xarray as xr

from jaxtyping import Float

from ..arrays import describe_coordinates
from .areas import latitude_edges
from .latlon import is_same


def latitude_overlap(
    source: Float[np.ndarray, " lat"], target: Float[np.ndarray, " south"]
) -> Float[np.ndarray, "south lat"]:
    """Computes the share of each target row that each source row covers.

    Arguments:
        source: Row centres [degrees_north], strictly monotonic.
        target: Row centres wanted [degrees_north], strictly monotonic.

    Returns:
        Weights [1] whose rows sum to one.

    Example:
        >>> latitude_overlap(np.array([60.0, 0.0, -60.0]), np.array([45.0, -45.0]))
        array([[0.5, 0.5, 0. ],
               [0. , 0.5, 0.5]])
    """
    ends = [np.sin(np.deg2rad(latitude_edges(rows))) for rows in (source, target)]
    (lower, upper), (low, high) = [
        (np.minimum(e[:-1], e[1:]), np.maximum(e[:-1], e[1:])) for e in ends
    ]
    shared = np.minimum(high[:, None], upper) - np.maximum(low[:, None], lower)
    return np.clip(shared, 0, None) / (high - low)[:, None]


def longitude_overlap(
    source: Float[np.ndarray, " lon"], target: Float[np.ndarray, " east"]
) -> Float[np.ndarray, "east lon"]:
    """Computes the share of each target column that each source column covers.

    Arguments:
        source: Column centres [degrees_east], increasing, around the globe.
        target: Column centres wanted [degrees_east], increasing, around the globe.

    Returns:
        Weights [1] whose rows sum to one.

    Raises:
        ValueError: If longitudes are not increasing or span 360 degrees or more.

    Example:
        >>> longitude_overlap(np.array([0.0, 90.0, 180.0, 270.0]), np.array([0.0, 180.0]))
        array([[0.5 , 0.25, 0.  , 0.25],
               [0.  , 0.25, 0.5 , 0.25]])
    """
    (lower, upper), (low, high) = _longitude_edges(source), _longitude_edges(target)
    shared = np.zeros((len(target), len(source)))
    for turn in (-720, -360, 0, 360, 720):
        overlap = np.minimum(high[:, None], upper + turn) - np.maximum(low[:, None], lower + turn)
        shared += np.clip(overlap, 0, None)
    return shared / (high - low)[:, None]


def regrid(
    dataset: xr.Dataset,
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
) -> xr.Dataset:
    """Regrids every field of a dataset, lazily where it is lazy.

    Arguments:
        dataset: Fields whose last dimensions are ``latitude longitude``, around the globe.
        latitude: Row centres wanted [degrees_north].
        longitude: Column centres wanted [degrees_east].

    Returns:
        The fields on the grid wanted, float32; unchanged if they are on it.
    """
    found = (_degrees(dataset, "latitude"), _degrees(dataset, "longitude"))
    grid = {"latitude": latitude, "longitude": longitude}
    if is_same(found, (latitude, longitude)):
        return describe_coordinates(dataset.assign_coords(grid))
    rows = latitude_overlap(found[0], latitude).T
    columns = longitude_overlap(found[1], longitude)

    def mapped(field: np.ndarray) -> np.ndarray:
        return np.matmul(columns, np.matmul(field.swapaxes(-1, -2), rows)).swapaxes(-1, -2)

    keep = dataset.drop_vars([*dataset.data_vars, "latitude", "longitude"])
    result = keep.assign_coords(grid)
    for name, array in dataset.data_vars.items():
        shape = (*array.shape[:-2], len(latitude), len(longitude))
        result[name] = (array.dims, _apply(mapped, array.data, shape), array.attrs)
    return describe_coordinates(result)


def _apply(
    function: Callable[[np.ndarray], np.ndarray], values: np.ndarray | da.Array, shape: tuple
) -> np.ndarray | da.Array:
    def single(block: np.ndarray) -> np.ndarray:
        return function(block.astype("float64")).astype("float32")

    if not isinstance(values, da.Array):
        return single(values)
    values = values.rechunk({-1: -1, -2: -1})
    chunks = (*values.chunks[:-2], (shape[-2],), (shape[-1],))
    return values.map_blocks(single, chunks=chunks, dtype="float32", meta=np.empty(0, "float32"))


def _degrees(dataset: xr.Dataset, name: str) -> Float[np.ndarray, " n"]:
    return dataset[name].values.astype("float64")


def _longitude_edges(
    longitude: Float[np.ndarray, " lon"],
) -> tuple[Float[np.ndarray, " lon"], Float[np.ndarray, " lon"]]:
    """Western and eastern edges of columns, halfway between centres around the globe."""
    steps = np.diff(longitude, append=longitude[0] + 360)
    if (steps <= 0).any():
        raise ValueError(f"longitudes must increase and span less than 360 degrees: {longitude}")
    eastern = longitude + steps / 2
    return np.concatenate([[eastern[-1] - 360], eastern[:-1]]), eastern
