"""Pool the area-weighted mean and standard deviation of every channel."""

import logging

from functools import reduce
from operator import add
from pathlib import Path

import pandas as pd

from galerne.arrays import state_blocks
from galerne.catalogue import channels
from galerne.grid.areas import cell_areas
from galerne.jobs.job import Job
from galerne.products import open_product, replacing
from galerne.stats.moments import Moments

log = logging.getLogger(__name__)
BLOCK = 120  # states in memory


def pool_moments(
    paths_fields: list[Path],
    path_moments: Path,
    *,
    surface: list[str],
    pressure: list[str],
    levels: list[int],
) -> None:
    """Read the training periods block by block, merge, and write mean and std [unit]."""
    state = channels(surface, pressure, levels)
    blocks = []
    for path in paths_fields:
        fields = open_product(path)
        areas = cell_areas(fields["latitude"].values)
        blocks.append(
            reduce(add, (Moments.of(x, areas) for x, _ in state_blocks(fields, state, BLOCK)))
        )
        log.info("%s: %d states", path.parent.name, fields.sizes["time"])
    pooled = reduce(add, blocks)
    table = pd.DataFrame(
        {
            "variable": [channel.variable for channel in state],
            "level": [channel.level for channel in state],
            "mean": pooled.mean,
            "std": pooled.std,
        }
    ).astype({"level": "Int64"})
    with replacing(path_moments) as path:
        table.to_csv(path, index=False)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_moments,
        paths_fields=[Path(path) for path in snakemake.input.fields],
        path_moments=Path(snakemake.output.moments),
        **snakemake.params.state,
    )
