"""Pool the smooth climatology of every channel, and the scale of what it leaves."""

import logging

from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from galerne.catalogue import channels
from galerne.grid.areas import cell_areas
from galerne.jobs.job import Job
from galerne.products import open_product, write_product
from galerne.stats.climatology import HarmonicSums
from galerne.stats.transform import Transform

log = logging.getLogger(__name__)


def pool_climatology(
    paths_harmonics: list[Path],
    path_climatology: Path,
    *,
    surface: list[str],
    pressure: list[str],
    levels: list[int],
) -> None:
    """Add the sums of the training periods in their order, channel by channel, and solve."""
    state, solved = channels(surface, pressure, levels), []
    sums = [open_product(path) for path in paths_harmonics]
    grid, orders = sums[0].coords, sums[0].attrs
    for k in range(len(state)):
        parts = (HarmonicSums.from_dataset(part.isel(channel=[k])) for part in sums)
        solved.append(reduce(add, parts).solve())
    coefficients, variance = (np.concatenate(parts, axis=1) for parts in zip(*solved, strict=True))
    shares = cell_areas(grid["latitude"].values) * np.isfinite(coefficients[0]).mean(-1)
    total = (variance[0] * shares).sum(-1) / shares.sum(-1)
    if bad := [str(channel) for channel, v in zip(state, total, strict=True) if not v > 0]:
        raise ValueError(
            f"the climatology leaves no variance of {bad[0]}: it does not change over the "
            "training periods, or they are too few for the harmonics asked for"
        )
    transform = Transform(
        channels=state,
        coefficients=coefficients,
        variance=variance,
        scale=np.sqrt(total),
        of_year=int(orders["harmonics_of_year"]),
        of_day=int(orders["harmonics_of_day"]),
        latitude=grid["latitude"].values,
        longitude=grid["longitude"].values,
    )
    log.info("scales: %s", dict(zip(map(str, state), transform.scale.tolist(), strict=True)))
    write_product(transform.to_dataset(), path_climatology)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_climatology,
        paths_harmonics=[Path(path) for path in snakemake.input.harmonics],
        path_climatology=Path(snakemake.output.climatology),
        **snakemake.params.state,
    )
