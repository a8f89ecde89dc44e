"""Named shapes, and the one way between labelled datasets and plain arrays.

A *state* is an array of shape ``channel lat lon``; its channels are listed by
:func:`galerne.catalogue.channels`. A *trajectory* adds a leading ``time``. Labelled data
(xarray) carry ``time level latitude longitude``; plain arrays carry the channel order only.

Conventions: latitude north to south, longitude 0 to 360 eastward, levels in hPa.
"""

__all__ = [
    "LAYOUT",
    "block_states",
    "describe_coordinates",
    "read_values",
    "select_levels",
    "stack_channels",
    "state_blocks",
    "unstack_channels",
]

from collections.abc import Iterator, Sequence

import dask.array as da
import numpy as np
import xarray as xr

from jaxtyping import Float

from .catalogue import VARIABLES, Channel

BLOCK_BYTES = 2**28  # of a block of states in memory
BLOCK_STATES = 120  # most in a block
LAYOUT = ("number", "time", "prediction_timedelta", "level", "latitude", "longitude")


def stack_channels(
    dataset: xr.Dataset, channels: Sequence[Channel]
) -> Float[np.ndarray, "... channel lat lon"]:
    """Reads the channels of a dataset into one array.

    Arguments:
        dataset: Fields with dimensions ``latitude longitude``, ``level`` where the variable
            has levels, and any of ``number time prediction_timedelta`` before them.
        channels: The channels, in the order wanted.

    Returns:
        The values [unit of each variable], float32.

    Raises:
        ValueError: If a variable or a level is missing or damaged, by name.
    """
    fields = []
    for channel in channels:
        if channel.variable not in dataset:
            raise ValueError(
                f"variable {channel.variable!r} is not in the data; "
                f"found: {', '.join(map(str, dataset.data_vars))}"
            )
        field = dataset[channel.variable]
        if channel.level is not None:
            if channel.level not in field["level"].values:
                raise ValueError(
                    f"level {channel.level} hPa of {channel.variable!r} is not in the data; "
                    f"found: {field['level'].values.tolist()}"
                )
            field = field.sel(level=channel.level)
        order = [name for name in LAYOUT if name in field.dims]
        values = read_values(field.transpose(*order), dataset.encoding.get("source", "the data"))
        fields.append(values.astype("float32", copy=False))
    return np.stack(fields, axis=-3)


def state_blocks(
    dataset: xr.Dataset, channels: Sequence[Channel], size: int | None = None
) -> Iterator[tuple[Float[np.ndarray, "time channel lat lon"], np.ndarray]]:
    """Yields consecutive states [unit of each variable] and their times, some at a time.

    Arguments:
        dataset: Fields with a dimension ``time``; only one block of it is in memory.
        channels: The channels, in the order wanted.
        size: States in a block; the last may hold fewer. ``None``: as :func:`block_states`.
    """
    points = dataset.sizes["latitude"] * dataset.sizes["longitude"]
    size = size or block_states(4 * len(channels) * points)
    for start in range(0, dataset.sizes["time"], size):
        block = dataset.isel(time=slice(start, start + size))
        yield stack_channels(block, channels), block["time"].values


def block_states(state_bytes: int) -> int:
    """Returns how many states a block holds, so that memory does not grow with the grid.

    Arguments:
        state_bytes: Bytes of a state.

    Example:
        >>> block_states(71 * 721 * 1440 * 4), block_states(71 * 32 * 64 * 4)
        (1, 120)
    """
    return min(max(BLOCK_BYTES // max(state_bytes, 1), 1), BLOCK_STATES)


def read_values(field: xr.DataArray, source: object) -> np.ndarray:
    """Reads a lazy field, and says which when that fails.

    Arguments:
        field: The field.
        source: Where it comes from, for the message.

    Raises:
        ValueError: If its bytes cannot be read or are not those that were written.
    """
    try:
        return field.values
    except (RuntimeError, OSError, ValueError) as error:
        times = field["time"].values.ravel() if "time" in field.coords else []
        span = f" between {times[0]} and {times[-1]}" if len(times) else ""
        raise ValueError(
            f"{field.name!r} of {source}{span} cannot be read, its bytes are damaged ({error}); "
            "delete the product and run again"
        ) from error


def select_levels(dataset: xr.Dataset, name: str, levels: Sequence[int | None]) -> xr.DataArray:
    """Selects levels of a variable, lazily and together: a chunk that holds all is decoded once.

    Arguments:
        dataset: Fields with dimensions ``time [level] latitude longitude``.
        name: The variable.
        levels: The levels in the order wanted [hPa]; ``None`` alone for a surface variable.

    Returns:
        The field, with dimensions ``time level latitude longitude``.

    Raises:
        ValueError: If the variable or a level is missing, by name.
    """
    if name not in dataset:
        found = ", ".join(map(str, dataset.data_vars))
        raise ValueError(f"variable {name!r} is not in the data; found: {found}")
    field = dataset[name]
    if list(levels) == [None]:
        field = field.expand_dims("level", 1)
    elif list(levels) != (held := field["level"].values.tolist()):
        if missing := [level for level in levels if level not in held]:
            raise ValueError(
                f"level {missing[0]} hPa of {name!r} is not in the data; found: {held}"
            )
        field = field.sel(level=list(levels))
    return field.transpose("time", "level", "latitude", "longitude")


def unstack_channels(
    values: Float[np.ndarray, "... channel lat lon"] | Float[da.Array, "... channel lat lon"],
    channels: Sequence[Channel],
    coords: dict[str, np.ndarray],
) -> xr.Dataset:
    """Labels an array of channels; the inverse of :func:`stack_channels`.

    Arguments:
        values: The values [unit of each variable].
        channels: The channels, in the order of the array.
        coords: Coordinates of the leading dimensions, in order, then ``latitude`` and
            ``longitude``.

    Returns:
        A dataset with CF attributes and WeatherBench2 names.
    """
    lead = [name for name in coords if name not in ("latitude", "longitude")]
    dataset = xr.Dataset(coords=coords)
    for name in dict.fromkeys(channel.variable for channel in channels):
        rows = [i for i, channel in enumerate(channels) if channel.variable == name]
        about = VARIABLES[name]
        attrs = {"units": about.units, "standard_name": about.standard_name}
        if about.on_levels:
            levels = np.array([channels[i].level for i in rows])
            dims = [*lead, "level", "latitude", "longitude"]
            dataset[name] = xr.DataArray(
                values[..., rows, :, :], {**coords, "level": levels}, dims, attrs=attrs
            )
        else:
            dims = [*lead, "latitude", "longitude"]
            dataset[name] = (dims, values[..., rows[0], :, :], attrs)
    return describe_coordinates(dataset)


def describe_coordinates(dataset: xr.Dataset) -> xr.Dataset:
    """Gives the coordinates their CF attributes."""
    described = {
        "latitude": {"units": "degrees_north", "standard_name": "latitude"},
        "longitude": {"units": "degrees_east", "standard_name": "longitude"},
        "level": {"units": "hPa", "standard_name": "air_pressure", "positive": "down"},
        "number": {"standard_name": "realization", "units": "1"},
    }
    for name, attrs in described.items():
        if name in dataset.coords:
            dataset[name].attrs.update(attrs)
    return dataset
