"""Sample the prior over the states of a window, without observations."""

import shutil

from pathlib import Path

import numpy as np
import torch

from galerne.arrays import unstack_channels
from galerne.jobs.job import Job
from galerne.jobs.memory import free_bytes
from galerne.jobs.progress import Progress
from galerne.nn.parallel import best_device
from galerne.observe.window import window_times
from galerne.prior.checkpoint import open_models
from galerne.prior.composition import lengthen
from galerne.prior.ensemble import sample_windows, write_ensemble
from galerne.stats.transform import Transform


def sample_prior(
    path_climatology: Path,
    path_autoencoder: Path,
    path_gaussian: Path,
    path_model: Path,
    path_ensemble: Path,
    path_checkpoints: Path,
    *,
    window: str,
    members: list[int],
    step_hours: int,
    sigmas: dict[str, object],
    sampling: dict[str, int],
    seed: int,
    threads: int,
    overlap: int | None = None,
    memory_mb: int | None = None,
) -> None:
    """Write members of the prior [unit of each variable]."""
    torch.set_num_threads(threads)
    device = best_device()
    read = (path_climatology, path_autoencoder, path_gaussian, path_model)
    made_of = (window, members, step_hours, sigmas, sampling, seed, threads, overlap, device.type)
    progress = Progress.of(path_checkpoints, "sample_prior", read, *made_of)
    transform = Transform.open(path_climatology)
    models = (path_autoencoder, path_gaussian, path_model)
    prior, autoencoder = open_models(*models, device, **sigmas)
    times = window_times(window, step_hours)
    drawn = sample_windows(
        lengthen(prior, len(times), overlap), autoencoder, transform, times, members=members,
        seed=seed, progress=progress, free_bytes=free_bytes(device, memory_mb), **sampling,
    )  # fmt: skip
    grid = {"latitude": transform.latitude, "longitude": transform.longitude}
    coords = {"number": np.array(members), "time": times, **grid}
    write_ensemble(unstack_channels(drawn.lazy(), transform.channels, coords), path_ensemble)
    shutil.rmtree(path_checkpoints, ignore_errors=True)


if __name__ == "__main__":
    Job(snakemake).run(
        sample_prior,
        path_climatology=Path(snakemake.input.climatology),
        path_autoencoder=Path(snakemake.input.autoencoder),
        path_gaussian=Path(snakemake.input.gaussian),
        path_model=Path(snakemake.input.model),
        path_ensemble=Path(snakemake.output.ensemble),
        path_checkpoints=Path(snakemake.params.checkpoints),
        window=snakemake.wildcards.window,
        members=snakemake.params.members,
        step_hours=snakemake.params.step_hours,
        sigmas=snakemake.params.sigmas,
        sampling=snakemake.params.sampling,
        seed=snakemake.params.seed,
        overlap=snakemake.params.overlap,
        threads=snakemake.threads,
        memory_mb=snakemake.resources.mem_mb,
    )
