"""Ensembles on disk, whoever wrote them, cut to the states that a task asks for.

A product of members has dimensions ``number time [level] latitude longitude``, or, for
forecasts, ``number time prediction_timedelta [level] latitude longitude``, where ``time`` is
that of the last observation. A baseline is one product for all tasks: its states are cut to
the times that the task asks for, so that its scores stand beside those of a posterior.

An ensemble is read some states and channels at a time, all members of them, so that memory does
not grow with the length of a window, nor with the number of variables.
"""

__all__ = ["Ensemble", "blocks", "lead_hours", "read_channels", "read_members"]

import logging
import re

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import xarray as xr

from jaxtyping import Float, Int64

from ..arrays import LAYOUT, read_values
from ..catalogue import Channel
from ..observe.task import Cutoff
from ..products import open_product

log = logging.getLogger(__name__)
BATCH = re.compile(r"members_(\d+)-(\d+)")
BLOCK_BYTES = 2**27  # of members in memory at a time


@dataclass(frozen=True)
class Ensemble:
    """The members of one ensemble, not read yet.

    Arguments:
        batches: The batches of members, each with its folder, by their first member.
        size: Number of members.
    """

    batches: tuple[tuple[Path, xr.Dataset], ...]
    size: int

    @classmethod
    def open(
        cls,
        paths: Sequence[Path],
        *,
        latitude: Float[np.ndarray, " lat"] | None = None,
        longitude: Float[np.ndarray, " lon"] | None = None,
        skip_missing: bool = False,
    ) -> "Ensemble":
        """Opens the batches of an ensemble.

        Arguments:
            paths: Manifests of the batches.
            latitude: Rows that the members must have [degrees_north]; nothing: any.
            longitude: Columns that they must have [degrees_east].
            skip_missing: Whether to go on with the members that are there.

        Raises:
            ValueError: If two batches hold the same member, members are missing that the name
                of their folder promises (unless they may be), or the grid is another one.
        """
        found = [(path.parent, open_product(path)) for path in paths]
        for folder, batch in found:
            _check_numbers(folder, batch, skip_missing=skip_missing)
            for name, wanted in (("latitude", latitude), ("longitude", longitude)):
                _check_grid(folder, name, batch[name].values, wanted)
        found = [(folder, batch) for folder, batch in found if batch.sizes["number"]]
        if not found:
            raise ValueError(
                "no member is there: " + ", ".join(str(path.parent) for path in paths)
            )
        number = np.concatenate([batch["number"].values for _, batch in found])
        if len(np.unique(number)) != len(number):
            raise ValueError(f"members appear twice among {len(paths)} batches: {np.sort(number)}")
        ordered = sorted(found, key=lambda item: int(item[1]["number"].min()))
        return cls(tuple(ordered), len(number))

    def read(
        self, cutoff: Cutoff, times: np.ndarray, channels: Sequence[Channel]
    ) -> Float[np.ndarray, "member time channel lat lon"]:
        """Reads all members of some states and channels.

        Arguments:
            cutoff: What was asked for.
            times: Some of its valid times, shape (time,).
            channels: The channels wanted.

        Returns:
            The members [unit of each channel], ordered by number, float32.

        Raises:
            ValueError: If a state, a variable or a level is missing or damaged, or a value is
                not a number, naming which.
        """
        parts = [
            _finite(_valid(batch, cutoff, times, folder, channels), channels, folder)
            for folder, batch in self.batches
        ]
        numbers = np.concatenate([batch["number"].values for _, batch in self.batches])
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        order = np.argsort(numbers, kind="stable")
        return whole if (np.diff(order) == 1).all() else whole[order]

    def some(
        self,
        cutoff: Cutoff,
        times: np.ndarray,
        channels: Sequence[Channel],
        bound: int,
    ) -> Iterator[Float[np.ndarray, "member time channel lat lon"]]:
        """Yields the members of some states, as many at a time as may be in memory.

        Arguments:
            cutoff: What was asked for.
            times: Some of its valid times, shape (time,).
            channels: The channels wanted.
            bound: Bytes of members in memory.

        Raises:
            ValueError: As :meth:`read`.
        """
        for folder, batch in self.batches:
            states = _valid(batch, cutoff, times, folder, channels)
            points = states.sizes["latitude"] * states.sizes["longitude"]
            most = max(bound // (4 * points * len(channels) * len(times)), 1)
            for first in range(0, states.sizes["number"], most):
                part = states.isel(number=slice(first, first + most))
                yield _finite(part, channels, folder)


def blocks(
    times: int, channels: Sequence[Channel], field_bytes: int, bound: int = BLOCK_BYTES
) -> Iterator[tuple[slice, slice]]:
    """Yields parts of the states and of the channels, as large as may be in memory.

    Channels of one variable stay together where they fit, as they are stored; several variables
    make a part where they fit with all states.

    Arguments:
        times: Number of states.
        channels: The channels, those of a variable one after the other.
        field_bytes: Bytes of one field of all members.
        bound: Bytes that may be in memory.

    Example:
        >>> state = [Channel("2m_temperature"), Channel("temperature", 500)]
        >>> [(t.stop, c.start, c.stop) for t, c in blocks(2, state, 10, bound=20)]
        [(2, 0, 1), (2, 1, 2)]
        >>> [(t.stop, c.start, c.stop) for t, c in blocks(2, state, 10, bound=40)]
        [(2, 0, 2)]
    """
    most = max(bound // max(field_bytes, 1), 1)
    together: list[list[int]] = []
    for _, group in groupby(range(len(channels)), key=lambda k: channels[k].variable):
        own = list(group)
        if together and times * (len(together[-1]) + len(own)) <= most:
            together[-1] += own
        else:
            together.append(own)
    for own in together:
        width = min(len(own), most)
        length = max(most // width, 1)
        for first in range(own[0], own[-1] + 1, width):
            chosen = slice(first, min(first + width, own[-1] + 1))
            for time in range(0, times, length):
                yield slice(time, min(time + length, times)), chosen


def read_members(
    paths: Sequence[Path], cutoff: Cutoff, channels: Sequence[Channel]
) -> Float[np.ndarray, "member time channel lat lon"]:
    """Reads the members of every batch at the valid times of a cutoff, all at once.

    Arguments:
        paths: Manifests of the batches.
        cutoff: The states wanted.
        channels: The channels wanted.

    Returns:
        The members [unit of each channel], ordered by number, float32.

    Raises:
        ValueError: As :meth:`Ensemble.open` and :meth:`Ensemble.read`.
    """
    return Ensemble.open(paths).read(cutoff, np.array(cutoff.valid), channels)


def lead_hours(cutoff: Cutoff) -> Int64[np.ndarray, " time"]:
    """Returns the lead of each valid state [h]: the time since the last observation.

    States no later than the last observation have the lead zero.
    """
    leads = (np.array(cutoff.valid) - cutoff.last_observation) / np.timedelta64(1, "h")
    return np.maximum(np.round(leads), 0).astype("int64")


def _valid(
    batch: xr.Dataset,
    cutoff: Cutoff,
    wanted: np.ndarray,
    folder: Path,
    channels: Sequence[Channel],
) -> xr.Dataset:
    names = {channel.variable for channel in channels}
    if names <= set(batch.data_vars):  # selecting costs as much as there are variables
        batch = batch[list(names)]
    times = wanted.astype("datetime64[ns]")
    try:
        if "prediction_timedelta" not in batch.dims:
            return batch.sel(time=times)
        start = np.datetime64(cutoff.last_observation, "ns")
        chosen = batch.sel(time=start, prediction_timedelta=times - start)
        return chosen.drop_vars("time").rename(prediction_timedelta="time")
    except KeyError as error:
        raise ValueError(f"{folder} lacks a state of {times[0]} to {times[-1]}") from error


def _finite(
    batch: xr.Dataset, channels: Sequence[Channel], folder: Path
) -> Float[np.ndarray, "member time channel lat lon"]:
    """Reads channels, and refuses what is not finite."""
    values = read_channels(batch, channels, folder)
    bad = ~np.isfinite(values).all(axis=(-2, -1))
    if bad.any():
        member, time, channel = (int(k[0]) for k in np.nonzero(bad))
        raise ValueError(
            f"{channels[channel]} of member {batch['number'].values[member]}, state {time + 1} of "
            f"{batch.sizes['time']}, in {folder} has values that are not finite"
        )
    return values


def read_channels(
    dataset: xr.Dataset, channels: Sequence[Channel], source: object
) -> Float[np.ndarray, "*batch channel lat lon"]:
    """Reads channels, all levels of a variable at once.

    Arguments:
        dataset: Fields with any of ``number time`` before ``[level] latitude longitude``.
        channels: The channels wanted, those of a variable one after the other.
        source: Where the fields come from, for messages.

    Returns:
        The values [unit of each channel], float32.

    Raises:
        ValueError: If a variable or a level is missing or damaged, by name.
    """
    fields = []
    for name, group in groupby(channels, key=lambda channel: channel.variable):
        levels = [channel.level for channel in group]
        if name not in dataset:
            held = ", ".join(map(str, dataset.data_vars))
            raise ValueError(f"variable {name!r} is not in {source}; found: {held}")
        field = dataset[name]
        if levels == [None]:
            field = field.expand_dims("level", -3)
        elif (held := field["level"].values.tolist()) != levels:
            if missing := sorted(set(levels) - set(held)):
                raise ValueError(f"level {missing[0]} hPa of {name!r} is not in {source}: {held}")
            field = field.sel(level=levels)
        field = field.transpose(*(dim for dim in LAYOUT if dim in field.dims))
        fields.append(read_values(field, source).astype("float32", copy=False))
    return fields[0] if len(fields) == 1 else np.concatenate(fields, axis=-3)


def _check_numbers(folder: Path, batch: xr.Dataset, *, skip_missing: bool) -> None:
    promised = BATCH.fullmatch(folder.name)
    if promised is None:
        return
    first, last = map(int, promised.groups())
    missing = sorted(set(range(first, last + 1)) - set(batch["number"].values.tolist()))
    if not missing:
        return
    names = ", ".join(map(str, missing))
    if not skip_missing:
        raise ValueError(
            f"{folder} lacks member {names}; delete the folder to have it drawn again, or set "
            "evaluation.missing_members to skip, to score what is there"
        )
    log.warning("%s lacks member %s: the others are scored", folder, names)


def _check_grid(
    folder: Path, name: str, found: np.ndarray, wanted: Float[np.ndarray, " place"] | None
) -> None:
    if wanted is None:
        return
    if len(found) != len(wanted):
        raise ValueError(f"{folder} has {len(found)} of {name}, the truth {len(wanted)}")
    if not np.allclose(found, wanted, rtol=0, atol=1e-4):
        first = int(np.argmax(np.abs(found - wanted) > 1e-4))
        raise ValueError(
            f"{folder} has another grid than the truth: {name} {found[first]:g} degrees where "
            f"the truth has {wanted[first]:g}"
        )
