"""ERA5, or anything in its layout, from local files.

Reads a Zarr store (versions 2 and 3), a netCDF or GRIB file, or a folder of netCDF and GRIB
files that together hold the variables, levels and times. Names may be any that
:mod:`.names` knows. Rows and columns may come in any order, with
longitudes from -180 or from 0. Coordinates that say how the data came about (such as a single
member) are dropped, but for the experiment version (:mod:`.expver`).

Conventions: the result has latitude north to south, longitude 0 to 360, levels in hPa.
Depends on: xarray; zarr, netCDF4 or cfgrib for the files.
"""

__all__ = ["open_archive"]

import warnings

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from eccodes import CodesInternalError

from ..arrays import describe_coordinates
from ..catalogue import STATIC, VARIABLES
from .expver import (
    EXPVER,
    final,
    grib_versions,
    joined_versions,
    with_grib_versions,
    with_version,
)
from .integrity import check_fields, time_block
from .names import COORDINATES, known_name
from .selection import Selection

NETCDF = (".nc", ".nc4", ".cdf", ".h5", ".hdf5")
GRIB = (".grib", ".grib1", ".grib2", ".grb", ".grb1", ".grb2")
_DIMS = ("time", "level", "latitude", "longitude")


def open_archive(selection: Selection, *, path: str | Path | Sequence[Path]) -> xr.Dataset:
    """Opens an archive lazily, and selects from it.

    Arguments:
        selection: Variables, levels and times.
        path: A Zarr store, a netCDF or GRIB file, a folder of such files, or several files.

    Returns:
        Lazy fields with dimensions ``time [level] latitude longitude``, the static ones that
        the archive has, and along time the experiment version, where it says.

    Raises:
        FileNotFoundError: If there is nothing at ``path``, or no such file in the folder.
        ValueError: If the layout is not understood, or as
            :func:`.integrity.check_fields`.
    """
    paths = [Path(path)] if isinstance(path, str | Path) else list(path)
    where = str(paths[0] if len(paths) == 1 else paths[0].parent)
    for one in paths:
        if not one.exists():
            raise FileNotFoundError(f"there is no {one}")
    found = [part for one in paths for part in _parts(str(one))]
    parts = [_normalised(part, name) for name, part in found]
    static = {str(n): a for part in parts for n, a in part.items() if n in STATIC}
    dataset = _joined(parts, selection, where)
    dataset = check_fields(dataset.assign(static), selection, where)
    dataset.attrs = {"source": f"archive {Path(where).name}"}
    return describe_coordinates(dataset)


def _parts(where: str) -> list[tuple[str, xr.Dataset]]:
    """Every dataset below a path, opened lazily, with the name of its file."""
    path = Path(where)
    if path.is_dir() and _is_zarr(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # consolidated metadata are optional
            return [(where, xr.open_zarr(where, chunks=None, decode_timedelta=True))]
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in NETCDF + GRIB)
        if not files:
            raise FileNotFoundError(f"{where} is no Zarr store and holds no netCDF or GRIB file")
        return [found for file in files for found in _parts(str(file))]
    if path.suffix.lower() in GRIB:
        import cfgrib

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            # No index files beside the data: they are pickles, and not ours to write or to trust.
            try:
                found = cfgrib.open_datasets(where, backend_kwargs={"indexpath": ""})
                versions = grib_versions(path)
            except EOFError:
                raise ValueError(f"{where} holds no GRIB message") from None
            except CodesInternalError as error:
                raise ValueError(f"{where} is no whole GRIB file: {error}") from None
        return [(where, with_grib_versions(dataset, versions)) for dataset in found]
    if path.suffix.lower() in NETCDF:
        try:
            return [(where, xr.open_dataset(where, decode_timedelta=True))]
        except (ValueError, OSError) as error:
            raise ValueError(f"{where} is no readable netCDF file: {error}") from None
    raise ValueError(f"{where} is neither Zarr, netCDF ({NETCDF[0]}) nor GRIB ({GRIB[0]})")


def _is_zarr(path: Path) -> bool:
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zmetadata"))


def _normalised(dataset: xr.Dataset, where: str) -> xr.Dataset:
    """One dataset with the names, order and units of coordinates used here."""
    dataset = _with_time(dataset)
    names = {old: new for old, new in COORDINATES.items() if old in dataset.variables}
    dataset = dataset.rename({old: new for old, new in names.items() if new not in dataset})
    dataset = with_version(dataset)
    for name in ("latitude", "longitude"):
        if name not in dataset.dims:
            raise ValueError(
                f"{where}: no dimension {name!r}; found: {', '.join(map(str, dataset.dims))}"
            )
    for name in set(dataset.dims) - set(_DIMS):
        if dataset.sizes[name] > 1:
            raise ValueError(
                f"{where}: dimension {name!r} of size {dataset.sizes[name]} is not understood; "
                f"allowed: {', '.join(_DIMS)}"
            )
        dataset = dataset.isel({name: 0})
    if "level" in dataset.coords and "level" not in dataset.dims:
        dataset = dataset.expand_dims("level")
    own = [name for name in dataset.coords if name not in (*dataset.dims, EXPVER)]
    return _ordered(_named(dataset.drop_vars(own)))


def _with_time(dataset: xr.Dataset) -> xr.Dataset:
    """Makes the time for which fields are valid the dimension ``time``."""
    if "valid_time" in dataset.dims:
        return dataset.drop_vars("time", errors="ignore")
    if "valid_time" in dataset.coords:
        valid = dataset["valid_time"]
        if valid.ndim == 0:
            dataset = dataset.drop_vars(["time", "valid_time"], errors="ignore")
            return dataset.assign_coords(time=valid.values).expand_dims("time")
        if valid.dims == ("time",):
            return dataset.assign_coords(time=("time", valid.values)).drop_vars("valid_time")
    if "time" in dataset.coords and dataset["time"].ndim == 0:
        return dataset.expand_dims("time")
    return dataset


def _named(dataset: xr.Dataset) -> xr.Dataset:
    """Long names for the variables that the catalogue knows; the others are dropped."""
    names = {}
    for name, array in dataset.data_vars.items():
        names[name] = known_name(str(name), on_levels="level" in array.dims)
    names = {name: new for name, new in names.items() if new}
    dataset = dataset.drop_vars([name for name in dataset.data_vars if name not in names]).rename(
        {o: n for o, n in names.items() if o != n}
    )
    for name in set(STATIC) & set(dataset.data_vars):
        if "time" in dataset[name].dims:
            dataset[name] = dataset[name].isel(time=0, drop=True)
    return dataset


def _ordered(dataset: xr.Dataset) -> xr.Dataset:
    """Rows north to south, columns 0 to 360, levels in hPa ascending."""
    longitude = np.asarray(dataset["longitude"].values, dtype="float64") % 360
    dataset = dataset.assign_coords(
        latitude=np.asarray(dataset["latitude"].values, dtype="float64"), longitude=longitude
    )
    dataset = dataset.isel(
        latitude=np.argsort(-dataset["latitude"].values), longitude=np.argsort(longitude)
    )
    # A column given twice, at -180 and 180 or at 0 and 360.
    dataset = dataset.isel(longitude=np.unique(dataset["longitude"].values, return_index=True)[1])
    if "level" in dataset.dims:
        pascal = 100 if dataset["level"].attrs.get("units") == "Pa" else 1
        level = np.asarray(dataset["level"].values, dtype="float64") / pascal
        dataset = dataset.assign_coords(level=level).isel(level=np.argsort(level))
    return dataset


def _joined(parts: list[xr.Dataset], selection: Selection, where: str) -> xr.Dataset:
    """One dataset of the selected variables, from parts that differ in any of them."""
    joined = []
    for name in (*selection.surface, *selection.pressure):
        found = [part[[name]] for part in parts if name in part]
        if not found:
            held = sorted({str(name) for part in parts for name in part.data_vars})
            raise ValueError(
                f"{where}: variable {name!r} is not in the data; "
                f"found: {', '.join(held) or 'no known variable'}"
            )
        for dim in ("time", "level") if VARIABLES[name].on_levels else ("time",):
            if any(dim not in part.dims for part in found):
                raise ValueError(f"{where}: variable {name!r} has no {dim}")
        joined.append(_along(found, name, where))
    versions = joined_versions(joined)
    joined = [part.drop_vars(EXPVER, errors="ignore") for part in joined]
    try:
        whole = xr.merge(joined, join="exact", compat="override", combine_attrs="drop")
        return whole.assign_coords(versions)
    except (ValueError, xr.AlignmentError) as error:
        raise ValueError(f"{where}: variables differ in their times or grid: {error}") from error


def _along(parts: list[xr.Dataset], name: str, where: str) -> xr.Dataset:
    """Joins parts of one variable along time, and along level where they differ in it."""
    if len(parts) == 1:
        return parts[0]
    if any(EXPVER in part.coords for part in parts):
        parts = [part if EXPVER in part.coords else final(part) for part in parts]
    columns: dict[tuple[float, ...], list[xr.Dataset]] = {}
    for part in parts:
        levels = tuple(part["level"].values) if "level" in part.dims else ()
        columns.setdefault(levels, []).append(part.chunk({"time": time_block(part)}))
    try:
        series = [
            xr.concat(
                sorted(column, key=lambda part: part["time"].values[0]),
                "time",
                join="exact",
                combine_attrs="drop",
            )
            for column in columns.values()
        ]
        if len(series) == 1:
            return series[0]
        series = sorted(series, key=lambda part: part["level"].values[0])
        return xr.concat(series, "level", join="exact", combine_attrs="drop")
    except (ValueError, xr.AlignmentError) as error:
        raise ValueError(f"{where}: files differ in the grid of {name!r}: {error}") from error
