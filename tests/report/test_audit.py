"""The report says what the audit found, and draws when."""

from pathlib import Path

import pandas as pd
import pytest

from galerne.report.audit import audit_figures, findings_tables

HEADER = "check,severity,variable,level,first,last,times,latitude,longitude,value,allowed\n"
ROWS = (
    "preliminary,warning,,,2001-01-02T00:00,2001-01-03T18:00,8,,,,final ERA5\n"
    "out_of_range,error,temperature,500,2001-01-02T06:00,2001-01-02T06:00,1,-60,15,99.5,150 K\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two periods of one dataset: one without a finding, one with two."""
    for period, text in (("train", ""), ("test", ROWS)):
        path = tmp_path / "world/audit" / period
        path.mkdir(parents=True)
        (path / "findings.csv").write_text(HEADER + text)
        times = pd.date_range("2001-01-01", periods=12, freq="6h")
        rows = {"place": range(12), "time": times, "variable": "temperature", "level": 500.0}
        values = {"mean": 250.0, "variance": 100.0}
        pd.DataFrame(rows | values).to_parquet(path / "measures.parquet")
    return tmp_path / "world/audit"


def paths(folder: Path, name: str) -> list[Path]:
    return [folder / period / name for period in ("train", "test")]


def test_findings_are_listed_errors_first(folder) -> None:
    (table,) = findings_tables(paths(folder, "findings.csv"))
    assert table.caption == "Audit of world: 2 findings in 2 periods"
    assert table.rows[0] == [
        "error", "out_of_range", "test", "temperature 500 hPa", "2001-01-02T06:00",
        "2001-01-02T06:00", "1", "-60 N 15 E", "99.5", "150 K",
    ]  # fmt: skip
    assert table.rows[1][3] == ""


def test_a_dataset_without_findings_says_so(folder) -> None:
    (table,) = findings_tables(paths(folder, "findings.csv")[:1])
    assert table.caption == "Audit of world: no findings in 1 periods"
    assert table.rows == []


def test_findings_are_marked_in_the_picture(folder) -> None:
    files = paths(folder, "measures.parquet"), paths(folder, "findings.csv")
    (figure,) = audit_figures(*files, ["temperature_500", "geopotential_500"])
    assert "2 findings in 2 periods" in figure.alt
    assert "#d55e00" in figure.svg
    assert "T500" in figure.svg or figure.svg.count("<path") > 5
    (plain,) = audit_figures(*(some[:1] for some in files), ["temperature_500"])
    assert "#d55e00" not in plain.svg
    assert audit_figures(*files, ["geopotential_500"]) == []
