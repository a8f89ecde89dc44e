"""The benchmark of the truth compares what it says, and writes its page."""

from pathlib import Path

import numpy as np
import pytest

from bench import truth
from bench.worlds.engine import PUBLISHED
from bench.worlds.sphere import Grid
from bench.worlds.world import build_world


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of minutes."""
    monkeypatch.setattr(truth, "GATE", {"states": 2, "grid": Grid(4, 8), "degree": 4})
    monkeypatch.setattr(truth, "all_methods", dict)
    for key, count in (("MEMBERS", 48), ("FEWER", 16), ("BATCH", 32), ("TRUTHS", 40)):
        monkeypatch.setattr(truth, key, count)
    monkeypatch.setattr(truth, "RANKED", 7)
    name, method = truth.default_method()
    monkeypatch.setattr(truth, "default_method", lambda: (name, method | {"steps": 2}))
    monkeypatch.setitem(PUBLISHED, "steps", 2)


def test_ours_and_the_published_are_compared_and_the_page_is_written(
    small: None, tmp_path: Path
) -> None:
    page = tmp_path / "truth.md"
    page.write_text(f"before\n{truth.MARKS[0]}\nold\n{truth.MARKS[1]}\nafter\n")
    rows = {row.name: row for row in truth.measure_truth(Path(), page)}
    names = {"mean_error", "variance_ratio", "variance_worst", "evaluations", "calibration"}
    assert {f"truth_{name}" for name in names} <= set(rows)
    assert rows["truth_evaluations"].theirs == 61
    assert rows["truth_mean_error_misjudged"].ours != rows["truth_mean_error"].ours
    assert 0 <= rows["truth_calibration"].ours <= 1
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{truth.MARKS[1]}\nafter\n")
    assert "old" not in text
    assert "| two_regimes | default (48) |" in text
    widths = {
        line.count("|") for line in text.splitlines() if line.startswith(("| exact | d", "| w"))
    }
    assert widths == {14, 9}


def test_members_in_batches_are_counted_together(small: None) -> None:
    world = build_world("exact", **truth.GATE)
    method = truth.default_method()[1]
    verdict, drawn = truth.judge(world, truth.observed(world), method, 48)
    assert drawn.members.shape == (48, 2 * 3 * 4 * 8)
    assert len(np.unique(drawn.members[:, 0])) == 48
    alone = [truth.judge(world, truth.observed(world), method, n)[1] for n in (32, 16)]
    work = sum(one.evaluations * len(one.members) for one in alone)
    assert drawn.evaluations * 48 == pytest.approx(work)
    assert truth.worst(verdict) in (verdict.variance_least, verdict.variance_most)
