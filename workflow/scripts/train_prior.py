"""Train the network of the prior on what its Gaussian misses."""

import shutil

from pathlib import Path

import torch

from galerne.jobs.job import Job
from galerne.nn.checkpoint import load_module, save_module
from galerne.prior.backbone import Backbone
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.training import train_on
from galerne.prior.window import LatentRecords
from galerne.products import replacing
from galerne.provenance import settings_digest, source_digest


def train_prior(
    paths_train: list[Path],
    paths_validation: list[Path],
    path_gaussian: Path,
    path_model: Path,
    path_training: Path,
    path_checkpoints: Path,
    *,
    optimisation: dict[str, float],
    architecture: dict[str, int],
    seed: int,
    threads: int,
    periods: dict[str, dict[str, str]] | None = None,
) -> None:
    """Train, and write averaged weights and the loss by noise level, relative to the Gaussian."""
    torch.set_num_threads(threads)
    gaussian = load_module(WindowGaussian, path_gaussian)
    names = ("states", "channels", "rows", "columns")
    arguments = dict(zip(names, gaussian.shape, strict=True)) | architecture
    manifests = [path.read_text() for path in [*paths_train, *paths_validation]]
    # Progress made with other data, settings or code is never continued.
    made_of = (manifests, optimisation, architecture, seed, source_digest("train_prior"))
    folder = path_checkpoints / settings_digest(*made_of)
    torch.manual_seed(seed)
    backbone = Backbone(**arguments)
    records = [
        LatentRecords(paths, gaussian.shape[0], threads)
        for paths in (paths_train, paths_validation)
    ]
    curve = train_on(backbone, gaussian, *records, seed=seed, folder=folder, **optimisation)
    if curve is None:  # another process of this training writes
        return
    trained = optimisation["steps"] > 0
    save_module(backbone, arguments, path_model, trained=trained, periods=periods)
    with replacing(path_training) as path:
        curve.to_csv(path, index=False)
    shutil.rmtree(path_checkpoints, ignore_errors=True)


if __name__ == "__main__":
    Job(snakemake).run(
        train_prior,
        paths_train=[Path(path) for path in snakemake.input.train],
        paths_validation=[Path(path) for path in snakemake.input.validation],
        path_gaussian=Path(snakemake.input.gaussian),
        path_model=Path(snakemake.output.model),
        path_training=Path(snakemake.output.training),
        path_checkpoints=Path(snakemake.params.checkpoints),
        optimisation=snakemake.params.optimisation,
        architecture=snakemake.params.architecture,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        periods=snakemake.params.periods,
    )
