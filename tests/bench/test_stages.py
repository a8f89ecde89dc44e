"""Costs of a run are read from its benchmarks, and land in one file."""

import json

from pathlib import Path

import pytest

from bench.__main__ import compare
from bench.comparison import Comparison, processor
from bench.stages import measure_stages

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Benchmarks of three jobs of two stages, and of something that is no rule."""
    jobs = {
        "data/grid/regrid_period/train.tsv": (10.0, "500.00"),
        "data/grid/regrid_period/test.tsv": (2.5, "800.50"),
        "data/stats/pool_moments.tsv": (0.25, "-"),
        "other/thing.tsv": (99.0, "9999.0"),
    }
    for name, (seconds, memory) in jobs.items():
        path = tmp_path / "benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t-\t-\t-\t-\t-\t-\t-\n")
    return tmp_path


def test_seconds_add_up_and_memory_is_that_of_the_largest_job(results: Path) -> None:
    found = [(row.name, row.ours, row.unit) for row in measure_stages(results)]
    assert found == [
        ("grid: all jobs", 12.5, "s"),
        ("grid: largest job", 800.5, "MB"),
        ("stats: all jobs", 0.25, "s"),
    ]


def test_rows_are_printed_and_written(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.__main__.COMPARISONS", (measure_stages,))
    compare(results)
    rows = json.loads((results / "bench.json").read_text())
    assert [list(row) for row in rows] == 3 * [
        ["name", "ours", "theirs", "ratio", "unit", "device"]
    ]
    assert rows[0] == {
        "name": "grid: all jobs",
        "ours": 12.5,
        "theirs": None,
        "ratio": None,
        "unit": "s",
        "device": processor(),
    }
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"grid: all jobs: ours 12.5 s, theirs -, ratio -, on {processor()}"
    assert len(lines) == len(rows)


def test_the_ratio_is_ours_over_theirs() -> None:
    assert Comparison("x", 2.0, 8.0, "s", "here").ratio == 0.25


def test_a_folder_without_benchmarks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run the pipeline first"):
        compare(tmp_path)
    assert not (tmp_path / "bench.json").exists()
