r"""Regridding of scalars, masked fields and winds between latitude-longitude grids.

With the weights :math:`R, C` of :mod:`.weights`, a scalar becomes :math:`R X C^T`: two sparse
products, the larger one over rows first, in float32; the smaller one over columns in float64.

**Masked fields** (sea surface temperature: NaN over land) become the mean over what is valid,
:math:`R (X \odot V) C^T / R V C^T`; a cell of which less than half is valid is NaN.

**Winds** are vectors: east and north point elsewhere in each cell, and anywhere at a pole. Their
Cartesian components,

.. math::
    V_x = -u \sin\lambda - v \sin\phi \cos\lambda, \quad
    V_y = u \cos\lambda - v \sin\phi \sin\lambda, \quad
    V_z = v \cos\phi,

are regridded as scalars and turned back. Sines and cosines are multiplied into the sparse
matrices, so that a pair of components costs three products over rows, not six.

Depends on: numpy, scipy, xarray, dask.
"""

__all__ = ["LEAST_VALID", "Regridding", "regrid", "wind_pairs"]

from collections.abc import Callable
from functools import cached_property

import dask.array as da
import numpy as np
import xarray as xr

from jaxtyping import Float
from scipy.sparse import csr_array, diags_array

from ..arrays import describe_coordinates
from ..catalogue import VARIABLES
from .latlon import is_same
from .weights import Axes, Weights

LEAST_VALID = 0.5  # of the weight of a cell; a cell with less is NaN
Fields = Float[np.ndarray, "*batch lat lon"]
Regridded = Float[np.ndarray, "*batch south east"]


class Regridding:
    """Regridding from one grid to another.

    Arguments:
        source: Row centres [degrees_north] and column centres [degrees_east], of a globe.
        target: The same of the grid wanted.
        method: One of :data:`galerne.grid.weights.METHODS`.

    Raises:
        ValueError: If the method is unknown, or the source does not cover the globe.
    """

    def __init__(self, source: Axes, target: Axes, method: str = "conservative") -> None:
        _check_globe(*source)
        self.weights = Weights.between(source, target, method)
        self.source, self.target = source, target
        self.shape = (len(target[0]), len(target[1]))
        self.rows = self.weights.rows.astype("float32")

    def scalar(self, x: Fields) -> Regridded:
        """Regrids a scalar [any unit]; NaN spreads to every cell that it touches."""
        return _each(self._scalar, x, self.shape)

    def masked(self, x: Fields) -> Regridded:
        """Regrids what is valid of a scalar that is NaN elsewhere [any unit]."""
        return _each(self._masked, x, self.shape)

    def wind(self, u: Fields, v: Fields) -> tuple[Regridded, Regridded]:
        """Regrids a vector [any unit], given its eastward and northward components."""
        lead = u.shape[:-2]
        turned = np.empty((2, *lead, *self.shape), "float32")
        for index in np.ndindex(*lead):
            pair = np.stack([u[index], v[index]]).astype("float32", copy=False)
            turned[(slice(None), *index)] = self._wind(pair)
        return turned[0], turned[1]

    def _scalar(self, x: Float[np.ndarray, "lat lon"]) -> Float[np.ndarray, "south east"]:
        y = _over_columns(self.weights.columns, self.rows @ x)
        if self.weights.poles is not None:
            y = y + (self.weights.poles @ x[[0, -1]].mean(1, dtype="float64"))[:, None]
        return y

    def _masked(self, x: Float[np.ndarray, "lat lon"]) -> Float[np.ndarray, "south east"]:
        valid = np.isfinite(x)
        if valid.all():
            return self._scalar(x)
        weight = self._scalar(valid.astype("float32"))
        sums = self._scalar(np.where(valid, x, np.float32(0)))
        enough = weight >= LEAST_VALID - 1e-6  # half is half in float32, too
        return np.where(enough, sums / np.where(enough, weight, 1), np.nan)

    def _wind(self, pair: Float[np.ndarray, "2 lat lon"]) -> Float[np.ndarray, "2 south east"]:
        u, v = pair
        rows_sine, rows_cosine, columns_sine, columns_cosine = self._turned
        columns = self.weights.columns
        eastward, northward = self.rows @ u, rows_sine @ v
        x = -_over_columns(columns_sine, eastward) - _over_columns(columns_cosine, northward)
        y = _over_columns(columns_cosine, eastward) - _over_columns(columns_sine, northward)
        z = _over_columns(columns, rows_cosine @ v)
        if self.weights.poles is not None:
            means = self._mean_vectors(u[[0, -1]], v[[0, -1]])
            x, y, z = (
                component + (self.weights.poles @ mean)[:, None]
                for component, mean in zip((x, y, z), means, strict=True)
            )
        sine, cosine, sine_east, cosine_east = _sines(self.target)
        outward = cosine_east * x + sine_east * y
        return np.stack(
            [cosine_east * y - sine_east * x, cosine[:, None] * z - sine[:, None] * outward]
        )

    @cached_property
    def _turned(self) -> tuple[csr_array, csr_array, csr_array, csr_array]:
        """Weights of rows and of columns, times the sine and cosine of each source row, column."""
        sine, cosine, sine_east, cosine_east = map(diags_array, _sines(self.source))
        rows, columns = self.weights.rows, self.weights.columns
        return (
            csr_array(rows @ sine).astype("float32"),
            csr_array(rows @ cosine).astype("float32"),
            csr_array(columns @ sine_east),
            csr_array(columns @ cosine_east),
        )

    def _mean_vectors(
        self, u: Float[np.ndarray, "2 lon"], v: Float[np.ndarray, "2 lon"]
    ) -> tuple[Float[np.ndarray, "2"], ...]:
        """Mean Cartesian components of the first and last row."""
        sine, cosine, sine_east, cosine_east = _sines(self.source)
        sine, cosine = sine[[0, -1], None], cosine[[0, -1], None]
        x = -u * sine_east - v * sine * cosine_east
        y = u * cosine_east - v * sine * sine_east
        return x.mean(1), y.mean(1), (v * cosine).mean(1)


def regrid(
    dataset: xr.Dataset,
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
    method: str = "conservative",
) -> xr.Dataset:
    """Regrids every field of a dataset, lazily where it is lazy.

    The catalogue says which variables are masked and which are the components of a wind; those
    of a pair come from one computation.

    Arguments:
        dataset: Fields whose last dimensions are ``latitude longitude``, around the globe.
        latitude: Row centres wanted [degrees_north].
        longitude: Column centres wanted [degrees_east].
        method: One of :data:`galerne.grid.weights.METHODS`.

    Returns:
        The fields on the grid wanted, float32; unchanged if they are on it.

    Raises:
        ValueError: If the method is unknown, the fields do not cover the globe, or one
            component of a wind is there without the other.
    """
    found = (_degrees(dataset, "latitude"), _degrees(dataset, "longitude"))
    grid = {"latitude": latitude, "longitude": longitude}
    if is_same(found, (latitude, longitude)):
        return describe_coordinates(dataset.assign_coords(grid))
    regridding = Regridding(found, (latitude, longitude), method)
    keep = dataset.drop_vars([*dataset.data_vars, "latitude", "longitude"])
    result = keep.assign_coords(grid)
    done: dict[object, np.ndarray | da.Array] = {}
    for east, north in wind_pairs(dataset):
        u, v = dataset[east], dataset[north].transpose(*dataset[east].dims)
        pair = _apply(lambda u, v: np.stack(regridding.wind(u, v)), regridding.shape, u, v)
        done |= {east: pair[0], north: pair[1]}
    for name, array in dataset.data_vars.items():
        if name not in done:
            about = VARIABLES.get(str(name))
            function = regridding.masked if about and about.masked else regridding.scalar
            done[name] = _apply(lambda x, f=function: f(x)[None], regridding.shape, array)[0]
        result[name] = (array.dims, done[name], array.attrs)
    return describe_coordinates(result)


def wind_pairs(dataset: xr.Dataset) -> list[tuple[str, str]]:
    """Names of the eastward and northward component of each wind of a dataset.

    Raises:
        ValueError: If one is there without the other.
    """
    pairs = [(row.name, row.northward) for row in VARIABLES.values() if row.northward]
    for pair in pairs:
        there = [name for name in pair if name in dataset.data_vars]
        if len(there) == 1:
            (missing,) = set(pair) - set(there)
            raise ValueError(
                f"variable {there[0]!r} cannot be regridded without {missing!r}: "
                "the two are components of one vector"
            )
    return [pair for pair in pairs if pair[0] in dataset.data_vars]


def _over_columns(
    columns: csr_array, x: Float[np.ndarray, "south lon"]
) -> Float[np.ndarray, "south east"]:
    return (columns @ x.T).T


def _each(
    function: Callable[[np.ndarray], np.ndarray],
    x: Float[np.ndarray, "..."],
    shape: tuple[int, ...],
) -> Float[np.ndarray, "..."]:
    """Applies a function to every field of a batch, in float32."""
    lead = x.shape[:-2]
    result = np.empty((*lead, *shape), "float32")
    for index in np.ndindex(*lead):
        result[index] = function(np.asarray(x[index], "float32"))
    return result


def _apply(
    function: Callable[..., np.ndarray], shape: tuple[int, int], *arrays: xr.DataArray
) -> np.ndarray | da.Array:
    """Applies a function whose result has one more, leading dimension; lazily where lazy."""
    values = [array.data for array in arrays]
    if not any(isinstance(one, da.Array) for one in values):
        return function(*values)
    lead = tuple(range(1, values[0].ndim - 1))
    where = (*lead, -2, -1)
    blocks = [da.asarray(one).rechunk({one.ndim - 2: -1, one.ndim - 1: -1}) for one in values]
    parts = len(arrays)
    return da.blockwise(
        function, (0, *lead, -4, -3), *(x for one in blocks for x in (one, where)),
        new_axes={0: parts, -4: shape[0], -3: shape[1]}, concatenate=True, dtype="float32",
        meta=np.empty((0,) * (blocks[0].ndim + 1), "float32"),
    )  # fmt: skip


def _sines(axes: Axes) -> tuple[np.ndarray, ...]:
    """Sines and cosines of latitude, then of longitude [1]."""
    latitude, longitude = map(np.deg2rad, axes)
    return np.sin(latitude), np.cos(latitude), np.sin(longitude), np.cos(longitude)


def _check_globe(
    latitude: Float[np.ndarray, " lat"], longitude: Float[np.ndarray, " lon"]
) -> None:
    """Refuses grids that leave out a part of the globe: their edges would be made up."""
    if len(latitude) > 1 and len(longitude) > 1:
        spacing = np.abs(np.diff(latitude)).max()
        missing = 90 - np.abs(latitude[[0, -1]]).min()
        if latitude[0] * latitude[-1] > 0 or missing > 1.01 * spacing:
            raise ValueError(
                f"latitudes {latitude[0]:g} to {latitude[-1]:g} do not reach both poles: "
                "only fields of the whole globe can be regridded"
            )
        gap = longitude[0] + 360 - longitude[-1]
        if gap > 1.5 * np.diff(longitude).max():
            raise ValueError(
                f"longitudes {longitude[0]:g} to {longitude[-1]:g} leave a gap of {gap:g} "
                "degrees: only fields of the whole globe can be regridded"
            )


def _degrees(dataset: xr.Dataset, name: str) -> Float[np.ndarray, " n"]:
    return dataset[name].values.astype("float64")
