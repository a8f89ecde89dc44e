"""Fetch one period of a dataset from its source, checked."""

import logging

from collections.abc import Sequence
from pathlib import Path

import dask

from galerne.jobs.job import Job
from galerne.products import write_product
from galerne.source.archive import open_archive
from galerne.source.integrity import time_block
from galerne.source.nature_run import open_nature_run
from galerne.source.selection import Selection
from galerne.source.stretch import open_mirror

log = logging.getLogger(__name__)
SOURCES = {"archive": open_archive, "mirror": open_mirror, "nature_run": open_nature_run}


def fetch_period(
    path_fields: Path,
    paths_manifests: Sequence[Path] = (),
    *,
    source: dict[str, object],
    selection: dict[str, object],
) -> None:
    """Open the source, and stream its fields to a product one block after another."""
    settings = dict(source)
    kind = settings.pop("kind")
    if paths_manifests:
        settings["paths_manifests"] = paths_manifests
    fields = SOURCES[kind](Selection(**selection), **settings)
    with dask.config.set(scheduler="synchronous"):
        write_product(fields, path_fields, chunks={"time": time_block(fields)})
    log.info("%s: %d states", path_fields.parent, fields.sizes["time"])


if __name__ == "__main__":
    Job(snakemake).run(
        fetch_period,
        path_fields=Path(snakemake.output.fields),
        paths_manifests=[Path(path) for path in snakemake.input.manifests],
        source=snakemake.params.source,
        selection=snakemake.params.selection,
    )
