"""Windows of consecutive latent states, read from records on disk.

Windows never straddle two records, nor a gap in one, such as excluded hours leave. A record of
latents is small (a year at 64 x 32 points is 70 MB): all are kept in memory if they fit, or else
the windows of a batch are read as it is drawn.
"""

__all__ = ["LatentRecords", "alternate_blocks", "some_windows", "turned_records"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor

from ..products import open_product
from ..reading import Record, fits
from ..stats.climatology import days_since_2000

BATCH = 64  # windows that are read at a time
MOST_STATES = 120  # of a block that alternates between fitting and holding out


@dataclass(frozen=True)
class Stretch:
    """States of a record without a gap.

    Arguments:
        record: The record.
        start: The first state.
        length: How many there are.
    """

    record: Record
    start: int
    length: int

    def __len__(self) -> int:
        return self.length

    def read(self, first: int, count: int) -> Float[np.ndarray, "time latent y x"]:
        """Reads consecutive latents [1], at most up to the end of the stretch."""
        begin = self.start + first
        return self.record.read(begin, min(begin + count, self.start + self.length))[0]


class LatentRecords:
    """Windows over several records.

    Arguments:
        paths: Manifests of the records.
        states: States in a window.
        threads: Threads that read.
        name: Which latents of the records.

    Raises:
        ValueError: If no record holds a window.
    """

    def __init__(
        self, paths: Sequence[Path], states: int, threads: int = 2, name: str = "latents"
    ) -> None:
        self.states = states
        self.stretches: list[Stretch] = []
        step, keep = _step(paths), fits(paths, [name])
        for path in paths:
            record = Record(path, [name], keep=keep, threads=threads)
            seams = np.flatnonzero(np.diff(record.times) != step) + 1
            for rows in np.split(np.arange(len(record)), seams):
                self.stretches.append(Stretch(record, int(rows[0]), len(rows)))
        lengths = [len(stretch) for stretch in self.stretches]
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
        places = [self._place(index) for index in indices]
        windows = [stretch.read(first, self.states) for stretch, first in places]
        starts = [stretch.record.times[stretch.start + first] for stretch, first in places]
        return torch.from_numpy(np.stack(windows)), np.array(starts)

    def blocks(self, size: int) -> Iterator[Float[Tensor, "time channel y x"]]:
        """Yields consecutive blocks of every record."""
        for stretch in self.stretches:
            for start in range(0, len(stretch), size):
                yield torch.from_numpy(stretch.read(start, size))

    def _place(self, index: int) -> tuple[Stretch, int]:
        """The stretch that a window lies in, and its first state there."""
        number = int(np.searchsorted(np.cumsum(self.counts), index, side="right"))
        return self.stretches[number], index - sum(self.counts[:number])


def turned_records(paths: Sequence[Path], states: int) -> list[LatentRecords]:
    """Windows of the states as they are, and of each turn of them (:func:`turned`)."""
    names = map(str, open_product(paths[0]).data_vars)
    chosen = sorted(name for name in names if name.startswith("latents"))
    return [LatentRecords(paths, states, name=name) for name in chosen]


def some_windows(
    paths: Sequence[Path], states: int, count: int, components: int
) -> tuple[
    Float[Tensor, "n component y x"], Float[Tensor, "component state channel"], Float[Tensor, " n"]
]:
    """Reads windows spread evenly over all there are, less their mean, by components of places.

    What a window has at a place, in all states and channels, is written in the leading principal
    components of such, the same for all places.

    Arguments:
        paths: Manifests of the records.
        states: States in a window.
        count: How many, one at least.
        components: Components that are kept, at most all.

    Returns:
        Their amplitudes in half precision, the components, and when each begins [days since 2000].

    Raises:
        ValueError: If there are fewer.
    """
    records = LatentRecords(paths, states)
    if count > len(records):
        raise ValueError(
            f"the training periods hold {len(records)} windows of {states} states, fewer than the "
            f"{count} that priors.*.gaussian.windows asks for"
        )
    chosen = np.linspace(0, len(records) - 1, count).round().astype(int)
    batches = [chosen[k : k + BATCH].tolist() for k in range(0, count, BATCH)]
    mean, second = 0.0, 0.0
    for batch in batches:
        places = _by_place(records.read(batch)[0])
        mean = mean + places.double().sum(0) / count
        flat = places.flatten(0, 1)
        second = second + (flat.T @ flat).double() / count
    _, vectors = torch.linalg.eigh(second - mean.T @ mean)
    basis = vectors.flip(1)[:, :components].float()
    amplitudes, days = [], []
    for batch in batches:
        windows, starts = records.read(batch)
        found = (_by_place(windows) - mean.float()) @ basis
        amplitudes.append(found.mT.unflatten(2, windows.shape[3:]).half())
        days.append(torch.from_numpy(days_since_2000(starts)).float())
    kept = basis.T.unflatten(1, windows.shape[1:3]).contiguous()
    return torch.cat(amplitudes), kept, torch.cat(days)


def _by_place(windows: Float[Tensor, "n state channel y x"]) -> Float[Tensor, "n place number"]:
    return windows.flatten(-2).flatten(1, 2).mT


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
    longest = max(len(stretch) for stretch in train.stretches)
    cycle = max(round(1 / heldout_share), 2)
    size = max(min(MOST_STATES, longest // (2 * cycle)), 2 * train.states)
    for index, block in enumerate(train.blocks(size)):
        if (index % cycle == cycle - 1) == heldout:
            yield block
    if heldout:
        yield from validation.blocks(MOST_STATES)
