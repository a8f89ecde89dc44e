"""Regrid one period of a dataset to its grid."""

import logging

from pathlib import Path

import dask

from galerne.grid.latlon import lay_out
from galerne.grid.regrid import regrid, wind_pairs
from galerne.jobs.job import Job
from galerne.products import open_product, write_record
from galerne.source.exclusion import without_excluded
from galerne.source.integrity import guard_values

log = logging.getLogger(__name__)


def regrid_period(
    path_fields: Path,
    path_regridded: Path,
    *,
    rounding: dict[str, float] | None,
    method: str,
    exclude: list[list[str]],
    **grid: str | int | bool,
) -> None:
    """Read block by block without excluded times, and write a record on the grid, rounded."""
    where = str(path_fields.parent)
    fields = guard_values(without_excluded(open_product(path_fields), exclude, where), where)
    regridded = regrid(fields, *lay_out(**grid), method)
    with dask.config.set(scheduler="synchronous"):
        write_record(regridded, path_regridded, rounding=rounding, together=wind_pairs(regridded))
    log.info("%s: %s, %s", path_regridded.parent, grid, method)


if __name__ == "__main__":
    Job(snakemake).run(
        regrid_period,
        path_fields=Path(snakemake.input.fields),
        path_regridded=Path(snakemake.output.fields),
        **snakemake.params.grid,
        exclude=snakemake.params.exclude,
        **snakemake.params.storage,
    )
