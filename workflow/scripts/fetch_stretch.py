"""Download one stretch of a public archive, and write its manifest."""

import logging

from pathlib import Path

from galerne.jobs.job import Job
from galerne.source.selection import Selection
from galerne.source.stretch import fetch_stretch as fetch
from galerne.source.transport import Patience

log = logging.getLogger(__name__)


def fetch_stretch(
    path_manifest: Path,
    *,
    source: dict[str, object],
    selection: dict[str, object],
    patience: Patience,
) -> None:
    """Fetch the pieces that are not there yet."""
    manifest = fetch(Selection(**selection), path_manifest, source=source, patience=patience)
    if manifest["absent"]:
        log.warning("%d pieces are not in the archive: no values", len(manifest["absent"]))
    log.info("%s: %d pieces", path_manifest, len(manifest["pieces"]))


if __name__ == "__main__":
    Job(snakemake).run(
        fetch_stretch,
        path_manifest=Path(snakemake.output.manifest),
        source=snakemake.params.source,
        selection=snakemake.params.selection,
        patience=Patience(
            connections=snakemake.resources.connections,
            stall_seconds=snakemake.resources.stall_seconds,
            seconds=snakemake.resources.patience_seconds,
        ),
    )
