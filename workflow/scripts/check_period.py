"""Judge the measures of one period; errors stop the run, warnings go to the report."""

import json
import logging

from pathlib import Path

import numpy as np
import pandas as pd

from galerne.audit.judgement import judge, say
from galerne.jobs.job import Job
from galerne.products import replacing

log = logging.getLogger(__name__)
FIRST = 5  # findings named in an error


def check_period(
    path_measures: Path,
    path_record: Path,
    path_findings: Path,
    *,
    start: str,
    end: str,
    step_hours: int,
    exclude: list[list[str]],
    severity: dict[str, str],
    limits: dict[str, float],
) -> None:
    """Write the findings; with an error among them, to a table that outlives the failed job."""
    step = np.timedelta64(step_hours, "h")
    times = np.arange(np.datetime64(start, "ns"), np.datetime64(end, "ns") + step, step)
    findings = judge(
        pd.read_parquet(path_measures),
        json.loads(path_record.read_text()),
        times,
        exclude=exclude,
        severity=severity,
        limits=limits,
    )
    errors = findings[findings["severity"] == "error"]
    path_refused = path_findings.with_name("refused.csv")
    with replacing(path_refused if len(errors) else path_findings) as path:
        findings.to_csv(path, index=False)
    for finding in findings.to_dict("records"):
        log.log(logging.ERROR if finding["severity"] == "error" else logging.WARNING, say(finding))
    if len(errors):
        lines = [f"  {say(finding)}" for finding in errors.head(FIRST).to_dict("records")]
        raise ValueError(
            f"{path_findings.parent}: the audit has {len(errors)} errors, all in {path_refused}; "
            "exclude the times (datasets.*.exclude), or make the check a warning "
            "(audit.severity). The first:\n" + "\n".join(lines)
        )
    path_refused.unlink(missing_ok=True)


if __name__ == "__main__":
    Job(snakemake).run(
        check_period,
        path_measures=Path(snakemake.input.measures),
        path_record=Path(snakemake.input.record),
        path_findings=Path(snakemake.output.findings),
        exclude=snakemake.params.exclude,
        **snakemake.params.times,
        **snakemake.params.audit,
    )
