"""The judgement of a period, by script."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from workflow.scripts.audit_period import audit_period
from workflow.scripts.check_period import check_period

AUDIT = yaml.safe_load((Path(__file__).parents[2] / "config/default.yaml").read_text())["audit"]
TIMES = {"start": "2003-01-11T00:00:00", "end": "2003-01-15T18:00:00", "step_hours": 6}
FILES = ("m.parquet", "r.json")


@pytest.fixture
def folder(tmp_path, fields) -> Path:
    """Measures of the test period, 20 states of waves that know nothing of balance."""
    audit_period(fields["test"], *(tmp_path / name for name in FILES))
    return tmp_path


def check(folder: Path, **changes: object) -> pd.DataFrame:
    settings = {"exclude": [], **AUDIT, **TIMES, **changes}
    check_period(*(folder / name for name in FILES), folder / "findings.csv", **settings)
    return pd.read_csv(folder / "findings.csv")


def test_findings_that_are_warnings_are_written(folder) -> None:
    severity = AUDIT["severity"] | {"missing_times": "warning"}
    found = check(folder, severity=severity, end="2003-01-16T06:00:00")
    assert found[["check", "severity", "first", "last"]].values.tolist() == [
        ["missing_times", "warning", "2003-01-16T00:00", "2003-01-16T06:00"]
    ]


def test_an_error_stops_the_run_and_its_table_outlives_the_job(folder) -> None:
    message = r"audit has 1 errors, all in .*refused.csv.*\n  missing_times, 2003-01-16T00:00 \(al"
    with pytest.raises(ValueError, match=message):
        check(folder, end="2003-01-16T00:00:00")
    assert not (folder / "findings.csv").exists()
    assert len(pd.read_csv(folder / "refused.csv")) == 1
    excluded = [["2003-01-16T00:00:00", "2003-01-16T00:00:00"]]
    assert not len(check(folder, end="2003-01-16T00:00:00", exclude=excluded))
    assert not (folder / "refused.csv").exists()
