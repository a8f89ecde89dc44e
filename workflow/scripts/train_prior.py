"""Train the network of the prior on what its Gaussian misses."""

import logging

from pathlib import Path

import pandas as pd
import torch

from galerne.nn.checkpoint import load_module, save_module
from galerne.nn.fit import Fit
from galerne.prior.backbone import Backbone, calendar
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.objective import validation_losses
from galerne.prior.window import LatentRecords
from galerne.products import replacing

log = logging.getLogger(__name__)


def train_prior(
    paths_train: list[Path],
    paths_validation: list[Path],
    path_gaussian: Path,
    path_model: Path,
    path_training: Path,
    path_checkpoints: Path,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    ema_half_life: float,
    seed: int,
    threads: int,
    **architecture: int,
) -> None:
    """Train, and write averaged weights and the loss by noise level, relative to the Gaussian."""
    torch.set_num_threads(threads)
    gaussian = load_module(WindowGaussian, path_gaussian)
    names = ("states", "channels", "rows", "columns")
    arguments = dict(zip(names, gaussian.shape, strict=True)) | architecture
    train = LatentRecords(paths_train, gaussian.shape[0])
    validation = LatentRecords(paths_validation, gaussian.shape[0])
    torch.manual_seed(seed)
    backbone = Backbone(**arguments)
    denoiser = WindowDenoiser(gaussian, backbone, 1e-3, 1e3)

    def loss(_: Backbone, rng: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(train), (batch_size,), generator=rng).tolist()
        windows, starts = train.read(chosen)
        return denoiser.loss(windows, calendar(starts), rng)

    fit = Fit(
        backbone, steps=steps, learning_rate=learning_rate, seed=seed, half_life=ema_half_life,
        folder=path_checkpoints,
    )  # fmt: skip
    rows = [{"step": step} for step in fit.run(loss, max(steps // 20, 1))]
    rows = [{"step": step, "loss": value} for step, value in fit.history] or rows
    fit.settle()
    final = validation_losses(denoiser, validation, seed)
    log.info("squared error on validation over the Gaussian's, by noise level: %s", final)
    rows.append({"step": steps} | final)
    save_module(backbone, arguments, path_model, trained=steps > 0)
    with replacing(path_training) as path:
        pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    logging.basicConfig(filename=snakemake.log[0], level=logging.INFO)
    train_prior(
        paths_train=[Path(path) for path in snakemake.input.train],
        paths_validation=[Path(path) for path in snakemake.input.validation],
        path_gaussian=Path(snakemake.input.gaussian),
        path_model=Path(snakemake.output.model),
        path_training=Path(snakemake.output.training),
        path_checkpoints=Path(snakemake.params.checkpoints),
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        **snakemake.params.network,
    )
