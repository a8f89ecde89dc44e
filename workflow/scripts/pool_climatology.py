"""Pool the smooth climatology of every channel, and the scale of what it leaves."""

import logging

from itertools import chain
from pathlib import Path

import numpy as np

from galerne.arrays import state_blocks
from galerne.catalogue import channels
from galerne.grid.areas import cell_areas
from galerne.jobs.job import Job
from galerne.products import open_product, write_product
from galerne.stats.climatology import HarmonicFit, harmonics
from galerne.stats.transform import Transform

log = logging.getLogger(__name__)
BLOCK = 120  # states in memory


def pool_climatology(
    paths_fields: list[Path],
    path_climatology: Path,
    *,
    surface: list[str],
    pressure: list[str],
    levels: list[int],
    harmonics_of_year: int,
    harmonics_of_day: int,
) -> None:
    """Fit the climatology in one pass over the training periods, and the variance in another."""
    state = channels(surface, pressure, levels)
    mean = HarmonicFit(harmonics_of_year, harmonics_of_day)
    records = [open_product(path) for path in paths_fields]
    for x, times in chain.from_iterable(state_blocks(fields, state, BLOCK) for fields in records):
        mean.add(x, times)
    coefficients = mean.solve()

    variance = HarmonicFit(harmonics_of_year, harmonics_of_day)
    for x, times in chain.from_iterable(state_blocks(fields, state, BLOCK) for fields in records):
        phi = harmonics(times, harmonics_of_year, harmonics_of_day)
        left = x - np.tensordot(phi, coefficients, axes=1)
        variance.add(np.square(left).mean(-1), times)
    rows = variance.solve()

    grid = records[0]
    transform = Transform(
        channels=state,
        coefficients=coefficients,
        variance=rows,
        scale=np.sqrt(rows[0] @ cell_areas(grid["latitude"].values)),
        of_year=harmonics_of_year,
        of_day=harmonics_of_day,
        latitude=grid["latitude"].values,
        longitude=grid["longitude"].values,
    )
    log.info("scales: %s", dict(zip(map(str, state), transform.scale.tolist(), strict=True)))
    write_product(transform.to_dataset(), path_climatology)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_climatology,
        paths_fields=[Path(path) for path in snakemake.input.fields],
        path_climatology=Path(snakemake.output.climatology),
        **snakemake.params.state,
        **snakemake.params.climatology,
    )
