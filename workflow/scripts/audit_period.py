"""Measure every field of one period, for the audit."""

import json
import logging

from pathlib import Path

from galerne.audit.record import describe_record, measure_record
from galerne.jobs import interrupt
from galerne.jobs.job import Job
from galerne.products import open_product, replacing

log = logging.getLogger(__name__)


def audit_period(path_fields: Path, path_measures: Path, path_record: Path) -> None:
    """Read the period once, block by block, and write a table of measures."""
    fields = open_product(path_fields)

    def after_block(done: int, total: int) -> None:
        log.info("%d of %d times", done, total)
        if interrupt.requested():
            raise interrupt.Interrupted(f"time {done} of {total}", advanced=False)

    table = measure_record(fields, after_block)
    with replacing(path_measures) as path:
        table.to_parquet(path, index=False)
    with replacing(path_record) as path:
        path.write_text(json.dumps(describe_record(fields)) + "\n")


if __name__ == "__main__":
    Job(snakemake).run(
        audit_period,
        path_fields=Path(snakemake.input.fields),
        path_measures=Path(snakemake.output.measures),
        path_record=Path(snakemake.output.record),
    )
