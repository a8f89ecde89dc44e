"""Train the autoencoder on the training periods."""

import logging

from functools import partial
from pathlib import Path

import pandas as pd
import torch

from galerne.grid.areas import cell_areas
from galerne.latent.autoencoder import Autoencoder, patch_components
from galerne.latent.objective import reconstruction_loss, relative_errors
from galerne.latent.record import standardised_sample
from galerne.nn.checkpoint import save_module
from galerne.nn.fit import Fit
from galerne.products import replacing
from galerne.stats.transform import Transform

log = logging.getLogger(__name__)
MOST = 20_000  # states in memory


def train_autoencoder(
    paths_train: list[Path],
    paths_validation: list[Path],
    path_climatology: Path,
    path_model: Path,
    path_training: Path,
    path_reconstruction: Path,
    path_checkpoints: Path,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    noise: float,
    seed: int,
    threads: int,
    **architecture: float,
) -> None:
    """Start from patch components, train, and write weights, curves and errors [unit]."""
    torch.set_num_threads(threads)
    transform = Transform.open(path_climatology)
    areas = torch.from_numpy(cell_areas(transform.latitude)).float()
    x = torch.from_numpy(standardised_sample(paths_train, transform, MOST))
    check = torch.from_numpy(standardised_sample(paths_validation, transform, 100))
    arguments = {
        "channels": x.shape[1], "latitudes": x.shape[2], "longitudes": x.shape[3], **architecture
    }  # fmt: skip
    torch.manual_seed(seed)
    model = Autoencoder(**arguments)
    sample = x[:: max(1, len(x) // 1000)].split(100)
    components = (architecture["downsampling"], architecture["latent_channels"])
    model.start_from(*patch_components(sample, areas, *components))
    log.info("linear start: %.4f", relative_errors(model, check, areas).mean())

    def loss(model: Autoencoder, rng: torch.Generator) -> torch.Tensor:
        batch = x[torch.randint(len(x), (batch_size,), generator=rng)]
        return reconstruction_loss(model, batch, areas, noise, rng)

    fit = Fit(
        model, steps=steps, learning_rate=learning_rate, seed=seed, half_life=max(steps / 20, 1),
        folder=path_checkpoints,
    )  # fmt: skip
    errors = partial(relative_errors, model, check, areas)
    curve = [(step, errors().mean().item()) for step in fit.run(loss, max(steps // 20, 1))]
    fit.settle()

    save_module(model, arguments, path_model)
    table = pd.DataFrame(fit.history, columns=["step", "loss"])
    table["validation_relative_rmse"] = [value for _, value in curve[-len(table) :]]
    with replacing(path_training) as path:
        table.to_csv(path, index=False)
    relative = errors().numpy()
    log.info("relative error on validation: %.4f", relative.mean())
    with replacing(path_reconstruction) as path:
        pd.DataFrame(
            {
                "channel": [str(channel) for channel in transform.channels],
                "relative_rmse": relative,
                "rmse": relative * transform.scale,
            }
        ).to_csv(path, index=False)


if __name__ == "__main__":
    logging.basicConfig(filename=snakemake.log[0], level=logging.INFO)
    train_autoencoder(
        paths_train=[Path(path) for path in snakemake.input.train],
        paths_validation=[Path(path) for path in snakemake.input.validation],
        path_climatology=Path(snakemake.input.climatology),
        path_model=Path(snakemake.output.model),
        path_training=Path(snakemake.output.training),
        path_reconstruction=Path(snakemake.output.reconstruction),
        path_checkpoints=Path(snakemake.params.checkpoints),
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        **snakemake.params.autoencoder,
    )
