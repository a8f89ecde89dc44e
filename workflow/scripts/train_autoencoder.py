"""Train the autoencoder on the training periods."""

import logging
import shutil

from pathlib import Path

import torch

from galerne.grid.areas import cell_areas
from galerne.jobs.job import Job
from galerne.latent.autoencoder import Autoencoder
from galerne.latent.objective import error_table, relative_errors
from galerne.latent.record import StandardisedStates, standardised_sample
from galerne.latent.training import train_on
from galerne.nn.checkpoint import save_module
from galerne.products import replacing
from galerne.provenance import settings_digest, source_digest
from galerne.stats.transform import Transform

log = logging.getLogger(__name__)
CHECKED = 100  # validation states


def train_autoencoder(
    paths_train: list[Path],
    paths_validation: list[Path],
    path_climatology: Path,
    path_model: Path,
    path_training: Path,
    path_reconstruction: Path,
    path_checkpoints: Path,
    *,
    optimisation: dict[str, float],
    architecture: dict[str, float],
    seed: int,
    threads: int,
    periods: dict[str, dict[str, str]] | None = None,
) -> None:
    """Start from patch components, train, and write weights, curves and errors [unit]."""
    torch.set_num_threads(threads)
    transform = Transform.open(path_climatology)
    areas = torch.from_numpy(cell_areas(transform.latitude)).float()
    x = StandardisedStates(paths_train, transform, threads)
    check = standardised_sample(paths_validation, transform, CHECKED)
    names = ("channels", "latitudes", "longitudes", "networks")
    given = dict(zip(names, (*x.shape[1:], optimisation["steps"] > 0), strict=True)) | architecture
    manifests = [path.read_text() for path in [*paths_train, *paths_validation, path_climatology]]
    made_of = (manifests, optimisation, architecture, seed, source_digest("train_autoencoder"))
    folder = path_checkpoints / settings_digest(*made_of)  # of no other data, settings or code
    torch.manual_seed(seed)
    model = Autoencoder(**given)
    curve = train_on(model, x, check, areas, seed=seed, folder=folder, **optimisation)
    if curve is None:  # another process of this training writes
        return
    save_module(model, given, path_model, periods=periods)
    errors = error_table(relative_errors(model, check, areas).numpy(), transform)
    log.info("relative error on validation: %.4f", errors["relative_rmse"].mean())
    for path_table, table in ((path_training, curve), (path_reconstruction, errors)):
        with replacing(path_table) as path:
            table.to_csv(path, index=False)
    shutil.rmtree(path_checkpoints, ignore_errors=True)


if __name__ == "__main__":
    Job(snakemake).run(
        train_autoencoder,
        paths_train=[Path(path) for path in snakemake.input.train],
        paths_validation=[Path(path) for path in snakemake.input.validation],
        path_climatology=Path(snakemake.input.climatology),
        path_model=Path(snakemake.output.model),
        path_training=Path(snakemake.output.training),
        path_reconstruction=Path(snakemake.output.reconstruction),
        path_checkpoints=Path(snakemake.params.checkpoints),
        optimisation=snakemake.params.optimisation,
        architecture=snakemake.params.architecture,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        periods=snakemake.params.periods,
    )
