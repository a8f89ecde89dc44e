"""The experiment version: which times of a record are final ERA5, and which preliminary (ERA5T).

Files of the climate data store tell it in several ways: as a coordinate along time, one value
for all times, a dimension of two (older netCDF: each field stands under one version, and the
other is NaN), or a key of each GRIB message. All become one coordinate ``expver`` along
time: 1 for ERA5, 5 for ERA5T.

References:
    | ERA5: data documentation, update frequency
    | https://confluence.ecmwf.int/display/CKB/ERA5%3A+data+documentation
"""

__all__ = [
    "EXPVER",
    "final",
    "grib_versions",
    "joined_versions",
    "label",
    "with_grib_versions",
    "with_version",
]

from collections.abc import Mapping, Sequence
from pathlib import Path

import eccodes
import numpy as np
import xarray as xr

from jaxtyping import Shaped

EXPVER = "expver"
ATTRIBUTES = {"long_name": "experiment version: 1 ERA5, 5 preliminary ERA5 (ERA5T)", "units": "1"}


def label(dataset: xr.Dataset, versions: Shaped[np.ndarray, " time"]) -> xr.Dataset:
    """Returns a dataset with an experiment version for each time.

    Arguments:
        dataset: Fields along ``time``.
        versions: 1 or 5.
    """
    return dataset.assign_coords({EXPVER: ("time", versions.astype("int8"), ATTRIBUTES)})


def final(dataset: xr.Dataset) -> xr.Dataset:
    """Returns a dataset whose times are all final, as those of files that say nothing are."""
    return label(dataset, np.ones(dataset.sizes["time"], "int8"))


def with_version(dataset: xr.Dataset) -> xr.Dataset:
    """Returns a dataset with its experiment version along time, if it tells one in any way.

    Arguments:
        dataset: Fields along ``time``.
    """
    if "time" not in dataset.dims:
        return dataset.drop_vars(EXPVER, errors="ignore")
    if EXPVER in dataset.dims:
        return _merged(dataset)
    if EXPVER in dataset.variables:
        versions = _numbers(dataset[EXPVER].values)
        dataset = dataset.drop_vars(EXPVER)
        if versions is None or versions.shape not in ((), (dataset.sizes["time"],)):
            return dataset
        return label(dataset, np.broadcast_to(versions, dataset.sizes["time"]))
    return dataset


def grib_versions(path: Path) -> dict[np.datetime64, str]:
    """Returns the version of each time of a GRIB file: the greatest of its messages.

    Arguments:
        path: The file; its messages are passed over, but for their headers.

    Raises:
        CodesInternalError: If a message is not whole.
    """
    found: dict[np.datetime64, str] = {}
    with path.open("rb") as file:
        while (one := eccodes.codes_grib_new_from_file(file, headers_only=True)) is not None:
            day, hour, version = (
                eccodes.codes_get_string(one, key)
                for key in ("validityDate", "validityTime", "experimentVersionNumber")
            )
            eccodes.codes_release(one)
            text = f"{day[:4]}-{day[4:6]}-{day[6:]}T{int(hour) // 100:02d}:{int(hour) % 100:02d}"
            time = np.datetime64(text, "ns")
            found[time] = max(version, found.get(time, version))
    return found


def with_grib_versions(dataset: xr.Dataset, versions: Mapping[np.datetime64, str]) -> xr.Dataset:
    """Returns a dataset read from a GRIB file, with the version of each time that it is valid for.

    Arguments:
        dataset: As cfgrib gives it.
        versions: As of :func:`grib_versions`.
    """
    valid = dataset.coords.get("valid_time")
    if valid is None or valid.ndim > 1:
        return dataset
    told = [
        versions.get(time, "") for time in np.atleast_1d(valid.values.astype("datetime64[ns]"))
    ]
    return dataset.assign_coords({EXPVER: (valid.dims, told) if valid.ndim else told[0]})


def joined_versions(parts: Sequence[xr.Dataset]) -> dict[str, xr.DataArray]:
    """The coordinate of several variables: preliminary where any of them is.

    Arguments:
        parts: One dataset for each variable, of the same times.
    """
    found = [part[EXPVER] for part in parts if EXPVER in part.coords]
    if not found or any(one.shape != found[0].shape for one in found):
        return {}
    versions = np.max([one.values for one in found], axis=0)
    return {EXPVER: xr.DataArray(versions, dims="time", attrs=ATTRIBUTES)}


def _merged(dataset: xr.Dataset) -> xr.Dataset:
    """One field for each time, of the version that has it."""
    numbers = _numbers(dataset[EXPVER].values)
    if numbers is None or sorted(numbers) != [1, 5]:
        return dataset  # of another kind: refused where dimensions are checked
    lazy = dataset.chunk({"time": 1})
    one, five = (lazy.isel({EXPVER: int(np.argmax(numbers == n))}, drop=True) for n in (1, 5))
    probe = next(name for name, a in dataset.data_vars.items() if EXPVER in a.dims)
    aside = {d: 0 for d in one[probe].dims if d != "time"}
    preliminary = one[probe].isel(aside).isnull() & five[probe].isel(aside).notnull()
    held = {
        name: one[name].where(one[name].notnull(), five[name]) if EXPVER in array.dims else array
        for name, array in dataset.data_vars.items()
    }
    whole = one.drop_vars(list(one.data_vars)).assign(held)
    return label(whole, np.where(preliminary.values, 5, 1))


def _numbers(values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."] | None:
    """Versions as numbers; ``None`` where they are none of ERA5's."""
    texts = np.asarray(values).astype(str)
    numbers = {"1": 1, "0001": 1, "5": 5, "0005": 5}
    if not texts.size or not set(texts.ravel().tolist()) <= set(numbers):
        return None
    return np.vectorize(numbers.get, otypes=["int8"])(texts)
