"""Compare every piece that was downloaded with the digest in its manifest."""

import json
import logging

from dataclasses import asdict
from pathlib import Path

from galerne.jobs.job import Job
from galerne.products import replacing
from galerne.source.ledger import check_manifests

log = logging.getLogger(__name__)


def check_archive(path_folder: Path, path_checked: Path) -> None:
    """Name what is missing or rotten; write the count where nothing is."""
    faults = check_manifests(path_folder)
    for kind in ("missing", "rotten", "unreadable"):
        for name in getattr(faults, kind):
            log.error("%s: %s", kind, name)
    if faults:
        raise ValueError(str(faults))
    with replacing(path_checked) as part:
        part.write_text(json.dumps(asdict(faults), indent=1) + "\n")
    log.info("%d pieces, %.3f GB: all as fetched", faults.pieces, faults.size / 1e9)


if __name__ == "__main__":
    Job(snakemake).run(
        check_archive,
        path_folder=Path(snakemake.params.folder),
        path_checked=Path(snakemake.output.checked),
    )
