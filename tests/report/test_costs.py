"""Costs add up, from whatever left a figure, and nobody's figures are taken for another's."""

import json

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galerne.jobs.accounting import Allocation
from galerne.report import costs
from galerne.report.costs import COLUMNS, account, pool_costs, read_attempts, settle

RULES = ["fetch_period", "train_prior", "draw_posterior", "write_report"]
ENERGY = {"watts_per_core": 10.0, "watts_per_gpu": 400.0, "pue": 1.5}
NOON = 1795348800.0  # 2026-11-22T12:00:00Z


def record(root: Path, job: str, **figures: object) -> None:
    """One attempt of a job, as it leaves it."""
    path = root / f"usage/{job}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {
        "attempt": str(path.stat().st_size if path.exists() else 0),
        "rule": "train_prior", "status": "done", "slurm_job": None, "host": "node1",
        "started": "2026-11-22T12:00:00+00:00", "wall_s": 100.0, "cpu_s": 150.0, "rss_mb": 500.0,
        "threads": 2, "processes": 1, "gpus": 0, "gpu_model": None,
    }  # fmt: skip
    with path.open("a") as file:
        file.write(json.dumps(row | figures) + "\n")


def benchmark(root: Path, job: str, text: str = "s\tmax_rss\tcpu_time\n2.0\t100.5\t1.5\n") -> None:
    path = root / f"benchmarks/{job}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def allocation(job: str = "7", **figures: object) -> Allocation:
    """What Slurm says of a job that held 4 cores and a GPU for 200 s."""
    known = {
        "job": job, "name": "run_a", "rule": "train_prior", "state": "COMPLETED",
        "started": NOON - 20, "ended": NOON + 180, "wall_s": 200.0, "cpus": 4, "cpu_s": 300.0,
        "gpus": 1, "rss_mb": 800.0, "joules": None,
    }  # fmt: skip
    return Allocation(**known | figures)


def test_a_record_holds_time_of_every_core_and_gpu(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", processes=3, gpus=6, gpu_model="H100")
    (row,) = read_attempts(tmp_path, RULES).to_dict("records")
    assert (row["wall_s"], row["cpu_s"], row["asked_s"], row["gpu_s"]) == (100, 450, 600, 600)
    assert (row["rule"], row["job"], row["started"]) == ("train_prior", "a/train_prior", NOON)
    assert (row["source"], row["gpu_model"], row["slurm_job"]) == ("record", "H100", "")


def test_benchmarks_speak_for_jobs_without_a_record(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior")
    benchmark(tmp_path, "a/train_prior")
    benchmark(tmp_path, "a/fetch_period/train")
    benchmark(tmp_path, "a/fetch_period/test", "s\tmax_rss\tcpu_time\n3.0\t-\tNA\n")
    for name, text in {"empty": "", "header": "s\tmax_rss\n", "torn": "s\tmax_rss\nx\n"}.items():
        benchmark(tmp_path, f"a/fetch_period/{name}", text)
    table = read_attempts(tmp_path, RULES).set_index("job")
    assert table["source"].to_dict() == {
        "a/train_prior": "record", "a/fetch_period/test": "benchmark",
        "a/fetch_period/train": "benchmark",
    }  # fmt: skip
    known, unknown = table.loc["a/fetch_period/train"], table.loc["a/fetch_period/test"]
    assert (known["rule"], known["wall_s"], known["cpu_s"]) == ("fetch_period", 2.0, 1.5)
    assert unknown["wall_s"] == 3.0
    assert np.isnan([unknown["rss_mb"], unknown["cpu_s"], unknown["asked_s"]]).all()


def test_figures_that_are_none_are_unknown(tmp_path: Path) -> None:
    record(tmp_path, "a", wall_s="long", cpu_s=None, started="yesterday", gpus=None)
    row = read_attempts(tmp_path, RULES).iloc[0]
    assert row[["wall_s", "cpu_s", "asked_s", "gpu_s", "started"]].isna().all()
    assert row["rss_mb"] == 500


def test_slurm_speaks_for_a_job_that_held_its_allocation_alone(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7")
    attempts, ends = settle(
        read_attempts(tmp_path, RULES), [allocation(joules=7200.0, state="TIMEOUT")]
    )
    (row,) = attempts.to_dict("records")
    assert (row["wall_s"], row["cpu_s"], row["asked_s"], row["gpu_s"]) == (200, 300, 800, 200)
    assert (row["rss_mb"], row["joules"], row["source"]) == (800, 7200, "sacct")
    assert ends == {"TIMEOUT": 1}


def test_what_slurm_does_not_gather_is_left_to_the_job(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7")
    attempts, ends = settle(read_attempts(tmp_path, RULES), [allocation(cpu_s=0.0, rss_mb=None)])
    row = attempts.iloc[0]
    assert (row["wall_s"], row["cpu_s"], row["rss_mb"]) == (200, 150, 500)
    assert np.isnan(row["joules"])
    assert not ends


def test_each_attempt_of_a_requeued_job_has_its_own_allocation(tmp_path: Path) -> None:
    at = "2026-11-22T12:{:02}:00+00:00".format
    record(tmp_path, "a/train_prior", slurm_job="7", status="interrupted", started=at(0))
    record(tmp_path, "a/train_prior", slurm_job="7", started=at(4))
    parts = [
        allocation(state="REQUEUED", wall_s=50.0, started=NOON - 10, ended=NOON + 40),
        allocation(wall_s=60.0, started=NOON + 44, ended=NOON + 104, state="NODE_FAIL"),
        allocation(wall_s=70.0, started=NOON + 235, ended=NOON + 305),
    ]
    attempts, ends = settle(read_attempts(tmp_path, RULES), parts)
    assert attempts["wall_s"].tolist() == [50, 70, 60]
    assert attempts["status"].tolist() == ["interrupted", "done", "killed"]
    assert attempts["rule"].tolist() == ["train_prior"] * 3
    assert ends == {"REQUEUED": 1, "NODE_FAIL": 1}


def test_an_attempt_soon_after_a_requeue_belongs_to_the_later_allocation(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7")
    parts = [
        allocation(state="REQUEUED", wall_s=7.0, started=NOON - 10, ended=NOON - 3),
        allocation(wall_s=60.0, started=NOON - 1, ended=NOON + 59),
    ]
    attempts, _ = settle(read_attempts(tmp_path, RULES), parts)
    assert attempts["wall_s"].tolist() == [60, 7]
    assert attempts["status"].tolist() == ["done", "killed"]


def test_an_attempt_that_was_killed_is_closed_by_slurm(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7", status="started", wall_s=None, cpu_s=None)
    record(tmp_path, "b/train_prior", slurm_job="8", status="started", wall_s=None)
    record(tmp_path, "c/train_prior", status="started", wall_s=None)
    running = allocation("8", ended=None, state="RUNNING", wall_s=30.0)
    attempts, _ = settle(read_attempts(tmp_path, RULES), [allocation(), running])
    assert attempts["status"].tolist() == ["killed", "running", "killed"]
    assert attempts["wall_s"].tolist()[:2] == [200, 30]
    assert np.isnan(attempts["wall_s"][2])
    assert attempts["cpu_s"][0] == 300


def test_jobs_that_left_no_record_count_by_the_name_of_their_run(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7")
    parts = [
        allocation(),
        allocation("8", state="OUT_OF_MEMORY", rule="fetch_period"),
        allocation("9", rule="", state="FAILED"),
        allocation("10", name="run_b"),  # somebody else's
        allocation("11", wall_s=0.0, state="CANCELLED"),  # never began
    ]
    attempts, ends = settle(read_attempts(tmp_path, RULES), parts)
    assert attempts["slurm_job"].tolist() == ["7", "8", "9"]
    assert attempts["rule"].tolist() == ["train_prior", "fetch_period", "unknown"]
    assert attempts["status"].tolist() == ["done", "killed", "killed"]
    assert ends == {"OUT_OF_MEMORY": 1, "FAILED": 1}


def test_the_same_number_at_another_time_is_another_job(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7")
    attempts, ends = settle(
        read_attempts(tmp_path, RULES),
        [allocation(started=NOON - 9000, ended=NOON - 8000), allocation(started=NOON + 6)],
    )
    assert attempts[["wall_s", "source"]].to_numpy().tolist() == [[100, "record"]]
    assert not ends


def test_a_shared_allocation_leaves_each_job_its_own_figures(tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7")
    record(tmp_path, "b/fetch_period", slurm_job="7", rule="fetch_period", wall_s=5.0)
    record(tmp_path, "c/fetch_period", slurm_job="7", status="started", wall_s=None)
    attempts, _ = settle(read_attempts(tmp_path, RULES), [allocation()])
    assert attempts["wall_s"].tolist() == [100, 5, 180]  # the killed one: at most to the end
    assert attempts["source"].tolist() == ["record"] * 3


def table(*rows: dict[str, object]) -> pd.DataFrame:
    """Attempts of which these figures are known."""
    plain = dict.fromkeys(COLUMNS, np.nan) | {
        "rule": "a", "job": "a", "status": "done", "slurm_job": "", "source": "record",
        "started": NOON, "wall_s": 3600.0, "cpu_s": 3600.0, "asked_s": 7200.0, "gpu_s": 0.0,
        "rss_mb": 100.0, "gpu_model": "",
    }  # fmt: skip
    return pd.DataFrame([plain | row for row in rows], columns=list(COLUMNS))


def test_costs_add_up_by_rule_in_the_order_in_which_rules_began() -> None:
    pooled = pool_costs(
        table(
            {"rule": "a", "started": NOON + 9},
            {"rule": "b", "job": "b/1", "status": "failed", "wall_s": 1800.0},
            {"rule": "b", "job": "b/1", "rss_mb": 300.0, "gpu_s": 3600.0},
            {"rule": "b", "job": "b/2", "cpu_s": np.nan},
        ),
        ENERGY,
    )
    assert list(pooled.index) == ["b", "a"]
    row = pooled.loc["b"]
    assert (row["jobs"], row["attempts"], row["done"], row["failed"], row["killed"]) == (
        2, 3, 2, 1, 0,
    )  # fmt: skip
    assert (row["wall_s"], row["unfinished_s"], row["cpu_s"]) == (9000, 1800, 7200)
    assert (row["asked_s"], row["gpu_s"], row["rss_mb"]) == (21600, 3600, 300)
    assert row["efficiency"] == 0.5  # of the two attempts that know both


def test_energy_is_that_of_busy_cores_and_held_gpus() -> None:
    row = pool_costs(table({"cpu_s": 7200.0, "gpu_s": 3600.0, "joules": 3.6e6}), ENERGY).loc["a"]
    assert row["kwh"] == pytest.approx((2 * 10 + 1 * 400) * 1.5 / 1000)
    assert row["measured_kwh"] == 1.0


def test_what_is_unknown_stays_unknown() -> None:
    row = pool_costs(table({"cpu_s": np.nan, "asked_s": np.nan}), ENERGY).loc["a"]
    assert np.isnan([row["cpu_s"], row["efficiency"], row["kwh"], row["measured_kwh"]]).all()


@pytest.fixture
def sacct(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list]:
    """Answers in the place of Slurm, and notes what was asked."""

    def make(answer: object) -> list:
        asked: list[object] = []

        def reply(jobs: pd.Series, since: float) -> list[Allocation]:
            asked.append((list(jobs), since))
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(costs, "read_accounting", reply)
        return asked

    return make


def test_the_account_asks_slurm_for_jobs_below_it_and_leaves_out_the_page(
    sacct, tmp_path: Path
) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7")
    record(tmp_path, "b/train_prior")
    record(tmp_path, "write_report", rule="write_report", slurm_job="8")
    asked = sacct([allocation(), allocation("8", state="RUNNING", ended=None)])
    found = account(tmp_path, RULES)
    assert asked == [(["7", "8"], NOON)]
    assert found.attempts["source"].tolist() == ["sacct", "record"]
    assert (found.silence, found.slurm_ends) == ("", {})


def test_slurm_is_not_asked_for_a_run_outside_of_it(sacct, tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior")
    asked = sacct(RuntimeError("no sacct"))
    assert account(tmp_path, RULES).silence == ""
    assert not asked


def test_silence_of_slurm_is_said_and_harms_nothing(sacct, tmp_path: Path) -> None:
    record(tmp_path, "a/train_prior", slurm_job="7")
    sacct(RuntimeError("sacct: connection refused"))
    found = account(tmp_path, RULES)
    assert found.silence == "sacct did not answer"
    assert found.attempts["wall_s"].tolist() == [100]


def test_without_any_record_the_account_is_empty(tmp_path: Path) -> None:
    assert account(tmp_path / "none", RULES).attempts.empty
    assert pool_costs(account(tmp_path / "none", RULES).attempts, ENERGY).empty
