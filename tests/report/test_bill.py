"""The bill says what was spent, in units that suit it, and what its figures are worth."""

import numpy as np
import pandas as pd

from galerne.report.bill import write_bill
from galerne.report.costs import Account
from galerne.report.page import Bill

from .test_costs import ENERGY, table


def bill(*rows: dict[str, object], **about: object) -> Bill:
    return write_bill(Account(table(*rows), **about), ENERGY)


def test_a_short_run_is_billed_in_seconds_and_watt_hours() -> None:
    made = bill({"wall_s": 60.0, "cpu_s": 36.0, "asked_s": 72.0})
    assert made.summary == (
        "1 job in 1 attempt, 60 seconds in all: 36 CPU-seconds, 50% of those asked for. The "
        "largest used 100 MB. About 0.15 Wh of energy, by estimate."
    )
    assert [name for name, _ in made.table.groups] == [
        "", "Count", "Time [s]", "", "Memory [MB]", "Energy [Wh]",
    ]  # fmt: skip


def test_a_long_run_is_billed_in_hours_and_kilowatt_hours() -> None:
    made = bill({"wall_s": 36000.0, "cpu_s": 72000.0, "asked_s": 144000.0, "gpu_s": 72000.0})
    assert (
        "10 hours in all: 20 CPU-hours, 50% of those asked for, and 20 GPU-hours" in made.summary
    )
    assert "12.3 kWh" in made.summary
    assert "GPU held" in made.table.header
    assert "GPU-hours held" in made.chart.svg


def test_every_rule_has_a_row_and_the_last_is_the_sum() -> None:
    made = bill({"rule": "a"}, {"rule": "b", "job": "b", "rss_mb": 2345.0})
    assert made.table.header == [
        "Rule", "jobs", "attempts", "wall", "CPU used", "of asked", "peak", "estimate",
    ]  # fmt: skip
    assert made.table.rows == [
        ["a", "1", "1", "1", "1", "50%", "100", "15"],
        ["b", "1", "1", "1", "1", "50%", "2,345", "15"],
        ["All rules", "2", "2", "2", "2", "50%", "2,345", "30"],
    ]
    assert made.table.total
    assert sum(span for _, span in made.table.groups) == len(made.table.header)
    for rule in ("a", "b"):
        assert f">{rule}</text>" in made.chart.svg
    assert "All rules" not in made.chart.svg


def test_attempts_without_a_product_are_counted_and_timed() -> None:
    made = bill(
        {"status": "interrupted"}, {"status": "killed", "wall_s": np.nan}, {"status": "adopted"},
        {}, slurm_ends={"PREEMPTED": 2, "OUT_OF_MEMORY": 1},
    )  # fmt: skip
    head, row = made.table.header, made.table.rows[0]
    found = dict(zip(head, row, strict=True))
    assert {k: found[k] for k in ("jobs", "attempts", "adopted", "interrupted", "killed")} == {
        "jobs": "1", "attempts": "4", "adopted": "1", "interrupted": "1", "killed": "1",
    }  # fmt: skip
    assert found["no product"] == "1"
    assert "failed" not in head
    said = " ".join(made.notes)
    assert "1 interrupted, 1 killed. They took 1 hours" in said
    assert "How long 1 killed attempt took is on no record" in said
    assert "2 PREEMPTED, 1 OUT_OF_MEMORY" in said
    assert "taken over" in said


def test_nothing_is_blank_and_the_unknown_a_dash() -> None:
    rows = [{"gpu_s": 60.0, "cpu_s": np.nan}, {"rule": "b", "job": "b", "status": "failed"}]
    header, first, second, _ = [bill(*rows).table.header, *bill(*rows).table.rows]
    one, two = (dict(zip(header, row, strict=True)) for row in (first, second))
    assert (one["CPU used"], one["failed"], one["GPU held"]) == ("–", "", "0.0167")
    assert (two["CPU used"], two["failed"], two["GPU held"]) == ("1", "1", "")


def test_the_sources_of_the_figures_are_named() -> None:
    rows = [{"source": s} for s in ("sacct", "sacct", "record", "benchmark")]
    said = " ".join(bill(*rows, silence="sacct did not answer").notes)
    assert "Slurm's accounting (2), the jobs' own records (1), Snakemake's benchmarks" in said
    assert "sacct did not answer" in said
    assert "missing" not in " ".join(bill(*rows).notes)


def test_the_estimate_says_that_it_is_one_and_what_it_reckons_with() -> None:
    said = " ".join(bill({"gpu_model": "NVIDIA H100"}).notes)
    assert "an estimate: 10 W for each core in use and 400 W for each GPU held, times 1.5" in said
    assert "memory, disks, network and idle cores are left out" in said
    assert "GPUs: NVIDIA H100." in said
    assert "Measured" not in said


def test_measured_energy_stands_beside_the_estimate() -> None:
    made = bill({"joules": 7.2e6})
    assert made.table.header[-2:] == ["estimate", "measured"]
    assert made.table.rows[0][-1] == "2,000"  # Wh
    assert any(note.startswith("Measured") for note in made.notes)


def test_a_run_that_left_only_its_times_is_billed() -> None:
    made = bill({"cpu_s": np.nan, "asked_s": np.nan, "rss_mb": np.nan, "source": "benchmark"})
    assert made.summary.startswith("1 job in 1 attempt, 1 hours in all: – CPU-hours. About –")
    assert made.table.header == [
        "Rule",
        "jobs",
        "attempts",
        "wall",
        "CPU used",
        "peak",
        "estimate",
    ]


def test_without_attempts_there_is_one_sentence() -> None:
    made = write_bill(Account(pd.DataFrame(table({})).iloc[:0]), ENERGY)
    assert "not known" in made.summary
    assert (made.table, made.chart, made.notes) == (None, None, [])
