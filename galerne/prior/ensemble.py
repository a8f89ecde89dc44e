"""An ensemble that was drawn: latents, decoded state by state when they are written.

Fields are many times larger than latents, so all of an ensemble's are never in memory: a state is
decoded, with residuals that latents do not say, written, and forgotten. Members are decoded one
by one on a CPU, so that each has the same bytes in any ensemble, and a few at a time on a GPU.
"""

__all__ = ["Drawn", "sample_windows", "write_ensemble"]

import math

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import torch
import xarray as xr

from jaxtyping import Float
from torch import Tensor

from ..jobs.progress import Progress
from ..latent.autoencoder import Autoencoder
from ..products import write_product
from ..stats.transform import Transform
from .backbone import calendar
from .batches import Batches, batch_size
from .composition import LongDenoiser
from .denoiser import WindowDenoiser
from .footprint import member_bytes
from .trajectory import Noise, draw_windows

CHUNK_BYTES = 2**25  # of a variable on disk, at most, where that holds a member of one state


@dataclass(frozen=True)
class _Part:
    """States of a window: their places in it and times, and the seed of the window's noise."""

    latents: Tensor
    places: Sequence[int]
    times: np.ndarray
    seed: int


class Drawn:
    """States of some members, in their order.

    Arguments:
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        members: The numbers of the members.
        size: Members that are decoded at a time on a GPU.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        transform: Transform,
        members: Sequence[int],
        size: int | None = None,
    ) -> None:
        self.autoencoder, self.transform, self.members = autoencoder, transform, list(members)
        self.device = autoencoder.basis.device
        self.size = 1 if self.device.type == "cpu" else size or len(self.members)
        self._parts: list[_Part] = []

    def add(
        self,
        latents: Float[Tensor, "member state latent y x"],
        places: Sequence[int],
        times: np.ndarray,
        seed: int,
    ) -> None:
        """Adds states of a window.

        Arguments:
            latents: The latents of these states.
            places: The places of the states in the window, counted from 0.
            times: The times of the states, shape (state,).
            seed: Seed of the noise of the window.
        """
        self._parts.append(_Part(latents, list(places), times, seed))

    def __len__(self) -> int:
        """How many states there are."""
        return sum(len(part.places) for part in self._parts)

    @torch.no_grad()
    def state(self, number: int) -> Float[np.ndarray, "member channel lat lon"]:
        """Decodes a state of every member [unit of each variable]."""
        for part in self._parts:
            if number < len(part.places):
                break
            number -= len(part.places)
        fields = []
        for first in range(0, len(self.members), self.size):
            some = slice(first, first + self.size)
            x = self.autoencoder.decode(part.latents[some, number].to(self.device))
            noise = Noise(part.seed, self.members[some], self.device.type)
            white = noise(f"residual/{part.places[number]}", x.shape[1:])
            anomaly = (x + self.autoencoder.residuals(white)).cpu().numpy()
            time = part.times[number : number + 1]
            fields.append(self.transform.inverse(anomaly[:, None], time)[:, 0])
        return np.concatenate(fields)

    def numpy(self) -> Float[np.ndarray, "member state channel lat lon"]:
        """Decodes every state."""
        return np.stack([self.state(k) for k in range(len(self))], axis=1)

    def lazy(self) -> Float[da.Array, "member state channel lat lon"]:
        """Returns an array that decodes a state when it is asked for."""
        grid = (self.transform.latitude.size, self.transform.longitude.size)
        shape = (len(self.members), len(self.transform.channels), *grid)
        dtype = np.result_type(np.float32)
        states = [
            da.from_delayed(dask.delayed(self.state, pure=False)(k), shape, dtype)
            for k in range(len(self))
        ]
        return da.stack(states, axis=1)


def sample_windows(
    prior: WindowDenoiser | LongDenoiser,
    autoencoder: Autoencoder,
    transform: Transform,
    times: np.ndarray,
    *,
    members: Sequence[int],
    seed: int,
    progress: Progress,
    free_bytes: int | float = math.inf,
    **sampling: object,
) -> Drawn:
    """Draws members of the prior, in batches.

    Arguments:
        prior: The prior over windows of as many states as there are times.
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        times: The times of the states, shape (state,).
        members: The members to draw.
        seed: Seed of the noise.
        progress: Where the draw is saved.
        free_bytes: Free memory of the device.
        sampling: Passed to :func:`draw_windows`.

    Raises:
        Interrupted: If a stop was asked for; all that was done is saved.
    """
    shape, device = prior.gaussian.shape, prior.gaussian.mean.device.type
    size = batch_size(len(members), member_bytes(prior, autoencoder), free_bytes, device)
    batches = Batches(len(members), size, device, progress)
    season = calendar(times[prior.starts]).to(device)

    def draw(places: list[int], own: Progress) -> Tensor:
        noise = Noise(seed, [members[k] for k in places], device)
        return draw_windows(prior, noise, shape, season=season, progress=own, **sampling)

    drawn = Drawn(autoencoder, transform, members, batches.size)
    drawn.add(batches.draw(draw, progress), range(len(times)), times, seed)
    return drawn


def write_ensemble(dataset: xr.Dataset, path_manifest: Path) -> None:
    """Writes an ensemble of lazy states, one state after another.

    Arguments:
        dataset: Variables with the dimensions ``number time``, or ``number time
            prediction_timedelta`` with a single time, before all others.
        path_manifest: Where the manifest goes.

    Raises:
        OSError: If the disk is full, with the folder and what is free there.
    """
    along = "prediction_timedelta" if "prediction_timedelta" in dataset.dims else "time"
    states = dataset.sizes["number"] * dataset.sizes[along]
    largest = max(array.nbytes for array in dataset.data_vars.values()) // states
    chunks = {along: 1, "number": max(CHUNK_BYTES // largest, 1)}
    with dask.config.set(scheduler="synchronous"):  # where the threads of torch were set
        write_product(dataset, path_manifest, chunks=chunks)
