"""Windows of consecutive latent states, read from records on disk.

Windows never straddle two records, nor a gap in one, such as excluded hours leave. A record of
latents is small (a year at 64 x 32 points is 70 MB), so records are opened lazily and only the
windows of a batch are read.
"""

__all__ = ["LatentRecords", "alternate_blocks"]

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor

from ..arrays import read_values
from ..products import open_product

MOST_STATES = 120  # of a block that alternates between fitting and holding out
IN_MEMORY = 1_000_000_000  # numbers of a record that is kept in memory [1]


class LatentRecords:
    """Windows over several records.

    Arguments:
        paths: Manifests of the records.
        states: States in a window.

    Raises:
        ValueError: If no record holds a window.
    """

    def __init__(self, paths: Sequence[Path], states: int) -> None:
        self.states = states
        self.arrays, self.times, lengths = [], [], []
        step = _step(paths)
        for path in paths:
            record = open_product(path)
            latents = record["latents"]
            if latents.size < IN_MEMORY:
                latents = latents.copy(data=read_values(latents, path.parent))
            times = record["time"].values
            seams = np.flatnonzero(np.diff(times) != step) + 1
            for rows in np.split(np.arange(len(times)), seams):
                self.arrays.append(latents[rows[0] : rows[-1] + 1])
                self.times.append(times[rows])
                lengths.append(len(rows))
        self.counts = [max(length - states + 1, 0) for length in lengths]
        if not sum(self.counts):
            raise ValueError(
                f"no period holds a window of {states} states; the longest has {max(lengths)}: "
                "lengthen the periods or shorten priors.states"
            )

    def __len__(self) -> int:
        return sum(self.counts)

    def read(
        self, indices: Sequence[int]
    ) -> tuple[Float[Tensor, "batch state channel y x"], np.ndarray]:
        """Reads windows, and the time of the first state of each."""
        windows, starts = [], []
        for index in indices:
            record = int(np.searchsorted(np.cumsum(self.counts), index, side="right"))
            first = index - sum(self.counts[:record])
            windows.append(self.arrays[record][first : first + self.states].values)
            starts.append(self.times[record][first])
        return torch.from_numpy(np.stack(windows)), np.array(starts)

    def blocks(self, size: int) -> Iterator[Float[Tensor, "time channel y x"]]:
        """Yields consecutive blocks of every record."""
        for array in self.arrays:
            for start in range(0, len(array), size):
                yield torch.from_numpy(array[start : start + size].values)


def _step(paths: Sequence[Path]) -> np.timedelta64:
    """The time between states: the shortest in any of the records."""
    steps = [np.diff(open_product(path)["time"].values) for path in paths]
    return min((s.min() for s in steps if len(s)), default=np.timedelta64(0, "ns"))


def alternate_blocks(
    train: LatentRecords, validation: LatentRecords, heldout_share: float, heldout: bool
) -> Iterator[Float[Tensor, "time channel y x"]]:
    """Yields the blocks that fit a model, or those held out from it.

    Training records are cut into blocks, and one of every few is held out. Validation records
    are held out whole: they alone have not made the climatology either.

    Arguments:
        train: Records of the training periods.
        validation: Records of the validation periods.
        heldout_share: Share of the training blocks held out.
        heldout: Which part to yield.
    """
    longest = max(len(array) for array in train.arrays)
    cycle = max(round(1 / heldout_share), 2)
    size = max(min(MOST_STATES, longest // (2 * cycle)), 2 * train.states)
    for index, block in enumerate(train.blocks(size)):
        if (index % cycle == cycle - 1) == heldout:
            yield block
    if heldout:
        yield from validation.blocks(MOST_STATES)
