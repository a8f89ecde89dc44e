"""Records of standardised states, read at random or block by block.

What does not fit into memory stays on disk, and the states of a batch are read as it is drawn;
both ways give the same numbers, since a batch is standardised as a whole after it was read.
"""

__all__ = ["StandardisedStates", "encode_record", "standardised_sample", "turned"]

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import torch
import xarray as xr

from jaxtyping import Float
from torch import Tensor

from ..arrays import block_states, stack_channels
from ..products import open_product
from ..reading import Record, fits
from ..stats.transform import Transform
from .autoencoder import Autoencoder


class StandardisedStates:
    """States of several records as standardised anomalies, by their number.

    Arguments:
        paths_fields: Manifests of the records.
        transform: The transform between fields and anomalies.
        threads: Threads that read.
        keep: Whether to read all at once; ``None``: if it fits into memory.

    Raises:
        ValueError: If a variable or a level is missing, by name.
    """

    def __init__(
        self,
        paths_fields: Sequence[Path],
        transform: Transform,
        threads: int = 2,
        keep: bool | None = None,
    ) -> None:
        names = list(dict.fromkeys(channel.variable for channel in transform.channels))
        keep = fits(paths_fields, names) if keep is None else keep
        self.transform = transform
        self.records = [Record(p, names, keep=keep, threads=threads) for p in paths_fields]
        self.ends = np.cumsum([len(record) for record in self.records])
        self.shape = (
            int(self.ends[-1]),
            len(transform.channels),
            len(transform.latitude),
            len(transform.longitude),
        )
        self.places = [self._places(record, names) for record in self.records]
        self.pool = ThreadPoolExecutor(threads, "states")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: Sequence[int] | Tensor) -> Float[Tensor, "_ channel lat lon"]:
        """Reads states [1]."""
        wanted = [int(index) for index in indices]
        found = list(self.pool.map(self._state, wanted))
        x = np.stack([state for state, _ in found])
        return torch.from_numpy(self.transform.forward(x, np.array([time for _, time in found])))

    def _state(self, index: int) -> tuple[Float[np.ndarray, "channel lat lon"], np.datetime64]:
        number = int(np.searchsorted(self.ends, index, side="right"))
        record = self.records[number]
        row = index - (int(self.ends[number]) - len(record))
        fields = record.read(row, row + 1)
        x = np.empty(self.shape[1:], "float32")
        for k, (field, level) in enumerate(self.places[number]):
            x[k] = fields[field][0] if level is None else fields[field][0, level]
        return x, record.times[row]

    def _places(self, record: Record, names: Sequence[str]) -> list[tuple[int, int | None]]:
        """Where each channel is among the variables and levels of a record."""
        found: list[tuple[int, int | None]] = []
        for channel in self.transform.channels:
            if channel.level is not None and channel.level not in record.levels:
                raise ValueError(
                    f"{record.path.parent}: level {channel.level} hPa of {channel.variable!r} is "
                    f"not in the record; found: {record.levels}"
                )
            level = None if channel.level is None else record.levels.index(channel.level)
            found.append((names.index(channel.variable), level))
        return found


def standardised_sample(
    paths_fields: Sequence[Path], transform: Transform, most: int
) -> Float[Tensor, "time channel lat lon"]:
    """Reads every n-th state of some records, at most so many in all [1]."""
    states = StandardisedStates(paths_fields, transform)
    return states[range(0, len(states), -(-len(states) // most))]


def turned(turn: int) -> str:
    """The name of the latents of states that were turned, so many times.

    Example:
        >>> turned(0), turned(1)
        ('latents', 'latents_turned_1')
    """
    return f"latents_turned_{turn}" if turn else "latents"


def encode_record(
    path_fields: Path,
    transform: Transform,
    model: Autoencoder,
    size: int | None = None,
    turns: int = 1,
) -> xr.Dataset:
    """Encodes a record lazily, block by block as it is written.

    A latent stands for a patch, so latents of the same state turned about the axis of the globe by
    less than a patch are other numbers, of which statistics that do not depend on longitude are as
    true. With several turns a state is encoded at as many places within the width of a patch.

    Arguments:
        path_fields: The record.
        transform: The transform between fields and anomalies.
        model: The autoencoder, on the device that it computes on.
        size: States in a block; ``None``: as many as fit into a bounded size.
        turns: Places within a patch at which each state is encoded.

    Returns:
        ``latents`` [1] with dimensions ``time latent y x``, and the same of states that were
        turned eastward, under the names of :func:`turned`.

    Raises:
        ValueError: If patches are not as wide as a multiple of the turns.
    """
    if model.downsampling % turns:
        raise ValueError(
            f"turns {turns} does not divide patches that are {model.downsampling} points wide"
        )
    fields = open_product(path_fields)
    points = len(transform.latitude) * len(transform.longitude)
    size = size or block_states(4 * len(transform.channels) * points)

    @dask.delayed
    def encode(start: int, points: int) -> np.ndarray:
        block = fields.isel(time=slice(start, start + size))
        x = transform.forward(stack_channels(block, transform.channels), block["time"].values)
        x = torch.from_numpy(x).to(model.basis.device).roll(points, -1)
        return model.encode(x).cpu().numpy()

    latent = (len(model.spread), *model.grid)
    total = fields.sizes["time"]
    found = {}
    for turn in range(turns):
        east = turn * model.downsampling // turns  # points
        blocks = [
            da.from_delayed(encode(i, east), (min(size, total - i), *latent), np.float32)
            for i in range(0, total, size)
        ]
        found[turned(turn)] = (("time", "latent", "y", "x"), da.concatenate(blocks))
    return xr.Dataset(found, {"time": fields["time"].values})
