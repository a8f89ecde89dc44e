"""A record of standardised states, read block by block.

The record stays on disk; training keeps at most a bounded number of states in memory, evenly
spread over the record when it holds more.
"""

__all__ = ["encode_record", "standardised_blocks", "standardised_sample"]

from collections.abc import Iterator, Sequence
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import torch
import xarray as xr

from jaxtyping import Float

from ..arrays import stack_channels, state_blocks
from ..products import open_product
from ..stats.transform import Transform
from .autoencoder import Autoencoder


def standardised_blocks(
    path_fields: Path, transform: Transform, size: int = 120
) -> Iterator[tuple[Float[np.ndarray, "time channel lat lon"], np.ndarray]]:
    """Yields blocks of standardised anomalies [1] and their times, in order."""
    for x, times in state_blocks(open_product(path_fields), transform.channels, size):
        yield transform.forward(x, times), times


def standardised_sample(
    paths_fields: Sequence[Path], transform: Transform, most: int
) -> Float[np.ndarray, "time channel lat lon"]:
    """Reads every n-th state of some records, at most so many in all [1]."""
    total = sum(open_product(path).sizes["time"] for path in paths_fields)
    stride = -(-total // most)
    seen, parts = 0, []
    for path in paths_fields:
        for x, _ in standardised_blocks(path, transform):
            parts.append(x[-seen % stride :: stride])
            seen += len(x)
    return np.concatenate(parts)


def encode_record(
    path_fields: Path, transform: Transform, model: Autoencoder, size: int = 120
) -> xr.Dataset:
    """Encodes a record lazily, block by block as it is written.

    Arguments:
        path_fields: The record.
        transform: The transform between fields and anomalies.
        model: The autoencoder, on the device that it computes on.
        size: States in a block.

    Returns:
        ``latents`` [1] with dimensions ``time latent y x``.
    """
    fields = open_product(path_fields)

    @dask.delayed
    def encode(start: int) -> np.ndarray:
        block = fields.isel(time=slice(start, start + size))
        x = transform.forward(stack_channels(block, transform.channels), block["time"].values)
        return model.encode(torch.from_numpy(x).to(model.basis.device)).cpu().numpy()

    latent = (len(model.spread), *model.grid)
    total = fields.sizes["time"]
    blocks = [
        da.from_delayed(encode(i), (min(size, total - i), *latent), np.float32)
        for i in range(0, total, size)
    ]
    times = {"time": fields["time"].values}
    return xr.Dataset({"latents": (("time", "latent", "y", "x"), da.concatenate(blocks))}, times)
