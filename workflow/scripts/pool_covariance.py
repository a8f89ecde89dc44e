"""Pool the covariance of the training data by zonal wavenumber."""

from pathlib import Path

import torch

from galerne.baselines.covariance import LAGS, alternate_blocks, fit_covariance
from galerne.jobs.job import Job
from galerne.latent.record import StandardisedStates
from galerne.nn.checkpoint import save_module
from galerne.stats.transform import Transform


def pool_covariance(
    paths_fields: list[Path],
    path_climatology: Path,
    path_covariance: Path,
    *,
    components: int,
    threads: int,
) -> None:
    """Find components in some blocks of states, and their covariance in time in others [1]."""
    torch.set_num_threads(threads)
    states = StandardisedStates(paths_fields, Transform.open(path_climatology), threads)
    model = fit_covariance(lambda held: alternate_blocks(states, held), components, LAGS)
    save_module(model, model.arguments, path_covariance)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_covariance,
        paths_fields=[Path(path) for path in snakemake.input.fields],
        path_climatology=Path(snakemake.input.climatology),
        path_covariance=Path(snakemake.output.covariance),
        components=snakemake.params.components,
        threads=snakemake.threads,
    )
