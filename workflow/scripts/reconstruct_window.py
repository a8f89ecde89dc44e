"""Encode and decode the truth of a window: the best that any latent method could do."""

from pathlib import Path

import numpy as np
import torch

from galerne.arrays import stack_channels, unstack_channels
from galerne.jobs.job import Job
from galerne.latent.autoencoder import Autoencoder
from galerne.nn.checkpoint import load_module
from galerne.nn.parallel import best_device
from galerne.observe.window import select_window
from galerne.products import open_product, write_product
from galerne.stats.transform import Transform


def reconstruct_window(
    path_fields: Path,
    path_climatology: Path,
    path_model: Path,
    path_ensemble: Path,
    *,
    window: str,
    threads: int,
) -> None:
    """Write the reconstruction as an ensemble of one member [unit of each variable]."""
    torch.set_num_threads(threads)
    transform = Transform.open(path_climatology)
    device = best_device()
    model = load_module(Autoencoder, path_model).to(device)
    fields = select_window(open_product(path_fields), window)
    times = fields["time"].values
    x = transform.forward(stack_channels(fields, transform.channels), times)
    decoded = model.decode(model.encode(torch.from_numpy(x).to(device))).cpu().numpy()
    coords = {
        "number": np.zeros(1, dtype=int),
        "time": times,
        "latitude": transform.latitude,
        "longitude": transform.longitude,
    }
    values = transform.inverse(decoded, times)[None]
    write_product(unstack_channels(values, transform.channels, coords), path_ensemble)


if __name__ == "__main__":
    Job(snakemake).run(
        reconstruct_window,
        path_fields=Path(snakemake.input.fields),
        path_climatology=Path(snakemake.input.climatology),
        path_model=Path(snakemake.input.model),
        path_ensemble=Path(snakemake.output.ensemble),
        window=snakemake.wildcards.window,
        threads=snakemake.threads,
    )
