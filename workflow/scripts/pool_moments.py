"""Pool the area-weighted mean and standard deviation of every channel, and of its changes."""

from functools import reduce
from operator import add
from pathlib import Path

import pandas as pd

from galerne.jobs.job import Job
from galerne.products import replacing
from galerne.stats.moments import Moments


def pool_moments(paths_moments: list[Path], path_pooled: Path) -> None:
    """Add the moments of the training periods in their order; write mean and std [unit]."""
    tables = [pd.read_csv(path, float_precision="round_trip") for path in paths_moments]
    states, changes = (
        reduce(add, (Moments.from_frame(table, prefix) for table in tables))
        for prefix in ("", "difference_")
    )
    table = tables[0][["variable", "level"]].astype({"level": "Int64"})
    table = table.assign(
        mean=states.mean,
        std=states.std,
        difference_mean=changes.mean,
        difference_std=changes.std,
    )
    with replacing(path_pooled) as path:
        table.to_csv(path, index=False)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_moments,
        paths_moments=[Path(path) for path in snakemake.input.moments],
        path_pooled=Path(snakemake.output.moments),
    )
