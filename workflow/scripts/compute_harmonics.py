"""Compute the sums over one period that the smooth climatology follows from."""

import logging

from pathlib import Path

from galerne.catalogue import channels
from galerne.jobs.job import Job
from galerne.products import open_product, write_product
from galerne.stats.climatology import record_harmonics

log = logging.getLogger(__name__)


def compute_harmonics(
    path_fields: Path,
    path_harmonics: Path,
    *,
    surface: list[str],
    pressure: list[str],
    levels: list[int],
    harmonics_of_year: int,
    harmonics_of_day: int,
) -> None:
    """Read the period once, and write sums that those of other periods can be added to."""
    state, fields = channels(surface, pressure, levels), open_product(path_fields)
    sums = record_harmonics(fields, state, harmonics_of_year, harmonics_of_day)
    places = {name: fields[name].values for name in ("latitude", "longitude")}
    write_product(sums.to_dataset().assign_coords(places), path_harmonics, chunks={"channel": 1})
    log.info("%s: %d states", path_fields.parent.name, fields.sizes["time"])


if __name__ == "__main__":
    Job(snakemake).run(
        compute_harmonics,
        path_fields=Path(snakemake.input.fields),
        path_harmonics=Path(snakemake.output.harmonics),
        **snakemake.params.state,
        **snakemake.params.climatology,
    )
