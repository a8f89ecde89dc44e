"""Measures a record: every field is read once, a block of time after another.

The table of measures has a row for each time, variable and level, whatever their values; what
of it is a fault is for :mod:`.judgement` to say, which reads no field. So thresholds, and hours
that do not count, can be changed without another look at the data.

Depends on: numpy, pandas, xarray; the measures of this room.
"""

__all__ = ["describe_record", "measure_record"]

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr

from jaxtyping import Float

from ..arrays import read_values
from ..catalogue import STATIC, VARIABLES
from ..grid.areas import cell_areas
from ..source.integrity import time_block
from .balance import divergent_share, fit_of_vorticity, fit_of_winds, thickness_error
from .measures import measure_fields

LAYER = 2.5  # largest ratio of the pressures of two levels whose layer is checked
WINDS = {n for v in VARIABLES.values() if v.northward for n in (v.name, v.northward)}
BALANCED = WINDS | {"geopotential", "temperature", "specific_humidity", "vorticity"}
BETWEEN = ("divergent_share", "wind_fit", "vorticity_fit", "thickness_error")
Block = dict[str, Float[np.ndarray, "time ..."]]


def measure_record(
    fields: xr.Dataset, after_block: Callable[[int, int], None] = lambda done, total: None
) -> pd.DataFrame:
    """Measures every field of a record.

    Arguments:
        fields: Fields with dimensions ``time [level] latitude longitude``, and static ones; a
            coordinate ``expver`` along time is taken over.
        after_block: Called with the times that are done, and all, after each block.

    Returns:
        The columns of :func:`.measures.measure_fields` behind ``place`` (the place in time, from
        0), ``time``, ``variable``, ``level`` [hPa], ``expver``; then ``divergent_share``,
        ``wind_fit`` [1] (at the eastward wind), ``vorticity_fit`` [1] (at vorticity) and
        ``thickness_error`` [K] with its latitude and longitude (at the upper geopotential of
        each layer). A static field has place -1 and no time.

    Raises:
        ValueError: If a field cannot be read, by name.
    """
    total, size = fields.sizes["time"], time_block(fields)
    names = [str(name) for name in fields.data_vars if name in VARIABLES]
    static = [str(name) for name in fields.data_vars if name in STATIC]
    tables = [_static_rows(fields[name]) for name in static]
    for first in range(0, total, size):
        block = fields.isel(time=slice(first, first + size))
        tables.append(_measure_block(block, names, first))
        after_block(min(first + size, total), total)
    table = pd.concat(tables, ignore_index=True)
    for name in (*BETWEEN, "thickness_error_latitude", "thickness_error_longitude"):
        table[name] = table.get(name, np.nan)
    return table.sort_values(["place", "variable", "level"], kind="stable", ignore_index=True)


def describe_record(fields: xr.Dataset) -> dict[str, object]:
    """Returns what holds for all times: the grid, and units of the source that differ."""
    units = {
        str(n): a.attrs["source_units"] for n, a in fields.items() if "source_units" in a.attrs
    }
    grid = {name: fields[name].values.tolist() for name in ("latitude", "longitude")}
    return {**grid, "source_units": units}


def _measure_block(block: xr.Dataset, names: list[str], first: int) -> pd.DataFrame:
    latitude, longitude = block["latitude"].values, block["longitude"].values
    areas, kept, tables = cell_areas(latitude), {}, []
    heads = {"place": first + np.arange(block.sizes["time"]), "time": block["time"].values}
    heads["expver"] = _versions(block)
    for name in names:
        dims = ["time", *(("level",) if "level" in block[name].dims else ()), "latitude"]
        x = read_values(block[name].transpose(*dims, "longitude"), "the record")
        levels = block["level"].values if x.ndim == 4 else [None]
        for k, level in enumerate(levels):
            layer = x[:, k] if x.ndim == 4 else x
            found = measure_fields(layer, VARIABLES[name], latitude, longitude, areas)
            tables.append(pd.DataFrame(heads | {"variable": name, "level": level} | found))
        if name in BALANCED:
            kept[name] = x
    table = pd.concat([t.astype({"level": "Float64"}) for t in tables], ignore_index=True)
    between = _between(kept, latitude, longitude, areas, block)
    if between:
        keys = ["place", "variable", "level"]
        extra = pd.concat(between, ignore_index=True).astype({"level": "Float64"})
        extra["place"] += first
        table = table.merge(extra.groupby(keys, dropna=False).first().reset_index(), "left", keys)
    return table


def _between(
    kept: Block, latitude: np.ndarray, longitude: np.ndarray, areas: np.ndarray, block: xr.Dataset
) -> list[pd.DataFrame]:
    """Measures of how fields of one time fit each other, one table for each kind."""
    grid, tables = (latitude, longitude), []
    levels = block["level"].values if "level" in block.dims else np.array([])
    for name, u in kept.items():
        v = kept.get(VARIABLES[name].northward or "")
        if v is None:
            continue
        share = _columns(name, levels, divergent_share=divergent_share(u, v, *grid))
        tables.append(share)
        if name == "u_component_of_wind" and "geopotential" in kept:
            fit = fit_of_winds(u, v, kept["geopotential"], *grid)
            tables.append(_columns(name, levels, wind_fit=fit))
        if name == "u_component_of_wind" and "vorticity" in kept:
            fit = fit_of_vorticity(u, v, kept["vorticity"], *grid)
            tables.append(_columns("vorticity", levels, vorticity_fit=fit))
    if {"geopotential", "temperature"} <= kept.keys() and len(levels) > 1:
        tables.append(_thickness(kept, levels.astype("float64"), latitude, longitude, areas))
    return tables


def _thickness(
    kept: Block, levels: np.ndarray, latitude: np.ndarray, longitude: np.ndarray, areas: np.ndarray
) -> pd.DataFrame:
    # One layer at a time: all of them would be as large as the block.
    found: dict[str, list[np.ndarray]] = {"": [], "_latitude": [], "_longitude": []}
    for k in range(len(levels) - 1):
        pair = slice(k, k + 2)
        q = kept.get("specific_humidity")
        error = thickness_error(
            kept["geopotential"][:, pair], kept["temperature"][:, pair],
            None if q is None else q[:, pair], levels[pair],
        )[:, 0]  # fmt: skip
        size = np.sqrt(np.square(error).mean(-1, dtype="float64") @ areas)
        near = levels[k + 1] / levels[k] <= LAYER
        worst = np.nan_to_num(np.abs(error)).reshape(len(error), -1).argmax(-1)
        rows, columns = np.unravel_index(worst, error.shape[1:])
        found[""].append(np.where(near, size, np.nan))
        found["_latitude"].append(latitude[rows])
        found["_longitude"].append(longitude[columns])
    named = {f"thickness_error{end}": np.stack(parts, 1) for end, parts in found.items()}
    return _columns("geopotential", levels[:-1], **named)


def _columns(name: str, levels: np.ndarray, **values: np.ndarray) -> pd.DataFrame:
    """A table of measures of shape (time,) or (time, level)."""
    shape = next(iter(values.values())).shape
    level = np.tile(levels, shape[0]) if len(shape) == 2 else np.full(shape[0], np.nan)
    place = np.repeat(np.arange(shape[0]), shape[1] if len(shape) == 2 else 1)
    flat = {key: x.reshape(-1) for key, x in values.items()}
    return pd.DataFrame({"place": place, "variable": name, "level": level} | flat)


def _static_rows(field: xr.DataArray) -> pd.DataFrame:
    latitude, longitude = field["latitude"].values, field["longitude"].values
    x = read_values(field.transpose("latitude", "longitude"), "the record")[None]
    about = STATIC[str(field.name)]
    found = measure_fields(x, about, latitude, longitude, cell_areas(latitude))
    head = {"place": -1, "time": np.datetime64("NaT", "ns"), "expver": 0, "variable": about.name}
    return pd.DataFrame(head | {"level": None} | found).astype({"level": "Float64"})


def _versions(block: xr.Dataset) -> np.ndarray:
    """The experiment version of each time as a number: 1 is final, 5 preliminary, 0 unknown."""
    if "expver" not in block.coords:
        return np.zeros(block.sizes["time"], "int64")
    values = np.broadcast_to(block["expver"].values, block.sizes["time"])
    return np.array([int(v) if str(v).strip().isdigit() else 0 for v in values], "int64")
