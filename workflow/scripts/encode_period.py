"""Encode a period of fields into latents."""

import logging

from pathlib import Path

import dask
import torch

from galerne.jobs.job import Job
from galerne.latent.autoencoder import Autoencoder
from galerne.latent.record import encode_record
from galerne.nn.checkpoint import load_module
from galerne.nn.parallel import best_device
from galerne.products import write_record
from galerne.stats.transform import Transform

log = logging.getLogger(__name__)


def encode_period(
    path_fields: Path,
    path_climatology: Path,
    path_model: Path,
    path_latents: Path,
    *,
    turns: int,
    threads: int,
    **architecture: float,
) -> None:
    """Standardise and encode block by block, and write latents [1]."""
    torch.set_num_threads(threads)
    transform = Transform.open(path_climatology)
    model = load_module(Autoencoder, path_model, channels=len(transform.channels), **architecture)
    dataset = encode_record(path_fields, transform, model.to(best_device()), turns=turns)
    log.info("encoding %d states, turned %d times", dataset.sizes["time"], turns - 1)
    with dask.config.set(scheduler="synchronous"):  # torch has the threads
        write_record(dataset, path_latents)


if __name__ == "__main__":
    Job(snakemake).run(
        encode_period,
        path_fields=Path(snakemake.input.fields),
        path_climatology=Path(snakemake.input.climatology),
        path_model=Path(snakemake.input.model),
        path_latents=Path(snakemake.output.latents),
        turns=snakemake.params.turns,
        threads=snakemake.threads,
        **snakemake.params.architecture,
    )
