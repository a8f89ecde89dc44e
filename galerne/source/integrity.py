"""Whether fields can be read as what they claim to be; the first fault is one error.

Names, levels and the span of times are checked at once. Values are read block by block in time,
so memory does not grow with the record, and nothing is read twice; a chunk that cannot be read
is named by its store, variable and times. Whether values are finite and plausible, and whether
times are missing or doubled, is for the audit to find (:mod:`galerne.audit`): all of them, not
the first.
"""

__all__ = ["BLOCK_BYTES", "check_fields", "check_finite", "guard_values", "time_block"]

from functools import partial

import dask
import dask.array as da
import numpy as np
import xarray as xr

from jaxtyping import Float, Shaped

from ..catalogue import STATIC, VARIABLES, Variable
from .selection import Selection

BLOCK = 120  # states in a block, unless they are large
BLOCK_BYTES = 2**27  # of one variable in a block
DIMS = ("time", "level", "latitude", "longitude")
KEPT = ("long_name", "comment", "source_units")


def check_fields(dataset: xr.Dataset, selection: Selection, where: str) -> xr.Dataset:
    """Selects variables, levels and times; refuses data that do not have them.

    Arguments:
        dataset: Fields with dimensions ``time [level] latitude longitude``, in any order,
            and possibly static fields, which are kept.
        selection: What is wanted.
        where: The name of the data in errors.

    Returns:
        The selected fields, lazy, in the order of their times; a time that occurs twice in
        the data does so here, and one that is missing is missing.

    Raises:
        ValueError: If a variable or a level is not in the data; if the period leaves the data
            or none of its times is there; when computing, as :func:`guard_values`.
    """
    for name in (*selection.surface, *selection.pressure):
        if name not in dataset.data_vars:
            found = ", ".join(sorted(str(name) for name in dataset.data_vars)) or "none"
            raise ValueError(f"{where}: variable {name!r} is not in the data; found: {found}")
    dataset = dataset.isel(time=_places_in_time(dataset["time"].values, selection, where))
    if selection.pressure:
        found = dataset["level"].values.tolist()
        for level in selection.levels:
            if level not in found:
                raise ValueError(
                    f"{where}: level {level} hPa is not in the data; found: "
                    f"{', '.join(f'{x:g}' for x in found)}"
                )
        dataset = dataset.sel(level=sorted(selection.levels))
        dataset["level"] = dataset["level"].astype("int64")
    static = [name for name in STATIC if name in dataset.data_vars]
    names = [*selection.surface, *selection.pressure, *static]
    return guard_values(dataset[names], where)


def guard_values(dataset: xr.Dataset, where: str) -> xr.Dataset:
    """Makes fields lazy in blocks of time; one that cannot be read is named.

    Arguments:
        dataset: Fields with dimensions ``time [level] latitude longitude``, in any order,
            and static fields without time; float32 in the result.
        where: The name of the data in errors.

    Raises:
        ValueError: If a variable is unknown; when computing, if a chunk cannot be read.
    """
    guarded = dataset.drop_vars(list(dataset.data_vars))
    for name, array in dataset.data_vars.items():
        about = _known(str(name), where)
        attrs = {"units": about.units, "standard_name": about.standard_name}
        attrs |= {k: v for k, v in array.attrs.items() if k in KEPT}
        if array.attrs.get("units", about.units) != about.units:
            attrs["source_units"] = str(array.attrs["units"])
        dims = [dim for dim in DIMS if dim in array.dims]
        values = _guarded(array.transpose(*dims), where)
        guarded[name] = (dims, values, attrs)
    return guarded


def check_finite(
    values: Float[np.ndarray, "time ..."], name: str, times: np.ndarray, where: str
) -> None:
    """Refuses a simulation that has become unstable.

    Arguments:
        values: Simulated values of a variable [any unit].
        name: The variable.
        times: The times of the values.
        where: The name of the simulation in the error.

    Raises:
        ValueError: Naming the variable and the first time at fault.
    """
    bad = ~np.isfinite(values).reshape(len(values), -1).all(1)
    if bad.any():
        raise ValueError(
            f"{where}: variable {name!r}, time {_text(times[bad.argmax()])}: a value is not "
            "finite, the model has become unstable; use a shorter time_step_minutes"
        )


def time_block(dataset: xr.Dataset) -> int:
    """The number of states that a block of a dataset holds."""
    sizes = [
        array.isel(time=0).size * 4 for array in dataset.data_vars.values() if "time" in array.dims
    ]
    return int(np.clip(BLOCK_BYTES // max(sizes, default=1), 1, BLOCK))


def _places_in_time(
    times: Shaped[np.ndarray, " time"], selection: Selection, where: str
) -> Shaped[np.ndarray, " wanted"]:
    if not len(times):
        raise ValueError(f"{where}: the data hold no time")
    times = times.astype("datetime64[ns]")
    wanted, first, last = selection.times, times.min(), times.max()
    if wanted[0] < first or wanted[-1] > last:
        raise ValueError(
            f"{where}: the period {_text(wanted[0])} to {_text(wanted[-1])} leaves the data, "
            f"which hold {_text(first)} to {_text(last)}"
        )
    order = np.argsort(times, kind="stable")
    places = order[np.isin(times[order], wanted)]
    if not len(places):
        raise ValueError(
            f"{where}: none of the {len(wanted)} times from {_text(wanted[0])} to "
            f"{_text(wanted[-1])} at a step of {selection.step_hours} h is in the data"
        )
    return places


def _known(name: str, where: str) -> Variable:
    known = VARIABLES | STATIC
    if name not in known:
        raise ValueError(f"{where}: unknown variable {name!r}; allowed: {', '.join(known)}")
    return known[name]


def _guarded(array: xr.DataArray, where: str) -> da.Array | np.ndarray:
    if "time" not in array.dims:
        return _read(array, where)
    block = time_block(array.to_dataset(name=array.name))
    parts = []
    for first in range(0, array.sizes["time"], block):
        part = array.isel(time=slice(first, first + block))
        # A closure, because dask would look inside an argument and read it outside of _read.
        task = dask.delayed(partial(_read, part, where), pure=False, traverse=False)()
        parts.append(da.from_delayed(task, part.shape, dtype="float32"))
    return da.concatenate(parts)


def _read(array: xr.DataArray, where: str) -> Shaped[np.ndarray, "..."]:
    try:
        return array.values.astype("float32", copy=False)
    except Exception as error:  # every store and codec has its own
        raise ValueError(_unreadable(array, where, error)) from error


def _unreadable(array: xr.DataArray, where: str, error: Exception) -> str:
    """Finds the times that cannot be read, one by one."""
    fault = f"{where}: variable {array.name!r}"
    bad = []
    for time in range(array.sizes.get("time", 0)):
        try:
            array.isel(time=time).load()
        except Exception:
            bad.append(array["time"].values[time])
    if bad:
        fault += f", times {_text(bad[0])} to {_text(bad[-1])}"
    return f"{fault}: cannot be read, the data are damaged ({type(error).__name__}: {error})"


def _text(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]"))
