"""The benchmark of scores compares the same scores of the same store."""

import pytest

from bench import scoring

pytest.importorskip("xskillscore", reason="the other implementation is not installed")


@pytest.fixture
def small(monkeypatch) -> None:
    for name, value in {"MEMBERS": 6, "WINDOWS": 3, "ROWS": 8, "COLUMNS": 16}.items():
        monkeypatch.setattr(scoring, name, value)


def test_both_score_the_same_and_are_compared(small) -> None:
    rows = {row.name: row for row in scoring.measure_scoring()}
    assert set(rows) == {
        "scoring_vs_xskillscore",
        "scoring_without_ranks",
        "scoring_memory",
    }
    assert rows["scoring_without_ranks"].theirs < rows["scoring_vs_xskillscore"].theirs
    assert all(row.ratio > 0 for row in rows.values())


def test_scores_that_differ_are_not_compared(small, monkeypatch) -> None:
    monkeypatch.setattr(scoring, "SETTINGS", scoring.SETTINGS | {"crps": "fair"})
    with pytest.raises(RuntimeError, match="crps differs from that of xskillscore by up to"):
        list(scoring.measure_scoring())
