"""Compute the area-weighted moments of every channel in one period, and of its changes."""

import logging

from pathlib import Path

import pandas as pd

from galerne.catalogue import channels
from galerne.jobs.job import Job
from galerne.products import open_product, replacing
from galerne.reading import Record
from galerne.stats.moments import record_moments

log = logging.getLogger(__name__)


def compute_moments(
    path_fields: Path,
    path_moments: Path,
    *,
    surface: list[str],
    pressure: list[str],
    levels: list[int],
    threads: int = 1,
) -> None:
    """Read the period once, and write sums that those of other periods can be added to."""
    state = channels(surface, pressure, levels)
    record = Record(path_fields, [*surface, *pressure], threads=threads)
    latitude = open_product(path_fields)["latitude"].values
    states, changes = record_moments(record, latitude, state)
    names = {"variable": [c.variable for c in state], "level": [c.level for c in state]}
    table = pd.DataFrame(names).astype({"level": "Int64"})
    table = table.join(states.to_frame()).join(changes.to_frame("difference_"))
    with replacing(path_moments) as path:
        table.to_csv(path, index=False)
    log.info("%s: %d states", path_fields.parent.name, len(record))


if __name__ == "__main__":
    Job(snakemake).run(
        compute_moments,
        path_fields=Path(snakemake.input.fields),
        path_moments=Path(snakemake.output.moments),
        threads=snakemake.threads,
        **snakemake.params.state,
    )
