"""Pool the climatology by hour of day and day of year, in the layout of WeatherBench2."""

import logging

from pathlib import Path

from galerne.catalogue import channels
from galerne.jobs.job import Job
from galerne.products import open_product, write_product
from galerne.stats.hourly import hourly_climatology

log = logging.getLogger(__name__)
CHUNKS = {"hour": 1, "dayofyear": 6}


def pool_hourly_climatology(
    paths_fields: list[Path],
    path_climatology: Path,
    *,
    surface: list[str],
    pressure: list[str],
    levels: list[int],
    window_days: int,
) -> None:
    """Read the training periods hour by hour of the day, and write one hour after another."""
    records = [open_product(path) for path in paths_fields]
    found = hourly_climatology(records, channels(surface, pressure, levels), window_days)
    write_product(found, path_climatology, chunks=CHUNKS)
    log.info("hours %s, window of %d days", found["hour"].values.tolist(), window_days)


if __name__ == "__main__":
    Job(snakemake).run(
        pool_hourly_climatology,
        paths_fields=[Path(path) for path in snakemake.input.fields],
        path_climatology=Path(snakemake.output.climatology),
        **snakemake.params.state,
        **snakemake.params.window,
    )
