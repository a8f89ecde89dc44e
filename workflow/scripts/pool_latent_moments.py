"""Pool the mean and space-time covariance of the latents."""

import logging

from collections.abc import Iterator
from pathlib import Path

import torch

from galerne.jobs.job import Job
from galerne.nn.checkpoint import save_module
from galerne.prior.gaussian import fit_gaussian
from galerne.prior.window import alternate_blocks, some_windows, turned_records

log = logging.getLogger(__name__)


def pool_latent_moments(
    paths_train: list[Path],
    paths_validation: list[Path],
    path_gaussian: Path,
    *,
    states: int,
    components: int,
    rank: int,
    heldout_share: float,
    shrinkage: float,
    windows: int,
    window_components: int,
    threads: int,
) -> None:
    """Fit directions on one part of the record and variances on the other [1]."""
    torch.set_num_threads(threads)
    turns = [turned_records(paths, states) for paths in (paths_train, paths_validation)]

    def blocks(heldout: bool) -> Iterator[torch.Tensor]:
        for train, validation in zip(*turns, strict=True):
            yield from alternate_blocks(train, validation, heldout_share, heldout)

    sizes = {"components": components, "rank": rank}
    gaussian = fit_gaussian(blocks, states=states, shrinkage=shrinkage, report=log.info, **sizes)
    if windows:
        sizes |= {"windows": windows, "window_components": window_components}
        kept = some_windows(paths_train, states, windows, window_components)
        gaussian.windows, gaussian.window_components, gaussian.days = kept
    names = ("states", "channels", "rows", "columns")
    arguments = dict(zip(names, gaussian.shape, strict=True)) | sizes
    save_module(gaussian, arguments, path_gaussian)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_latent_moments,
        paths_train=[Path(path) for path in snakemake.input.train],
        paths_validation=[Path(path) for path in snakemake.input.validation],
        path_gaussian=Path(snakemake.output.gaussian),
        threads=snakemake.threads,
        **snakemake.params.prior,
    )
