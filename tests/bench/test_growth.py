"""Growth is that of the largest draw over the smallest, beside linear growth."""

import pytest

from bench import growth
from bench.growth import draw_once, measure_growth


def test_growth_is_told_beside_linear_growth(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of draws whose time grows with all, and whose memory only with members."""
    monkeypatch.setattr(
        growth, "_measured", lambda *draw: (0.5 * draw[0] * draw[1] * draw[2], draw[1])
    )
    rows = {row.name: row for row in measure_growth(tmp_path)}
    assert {name for name, row in rows.items() if row.ratio == pytest.approx(1)} == {
        "growth_time_states", "growth_time_members", "growth_time_observations",
        "growth_memory_members",
    }  # fmt: skip
    assert rows["growth_memory_states"].ratio == pytest.approx(1 / 16)
    assert rows["growth_time_states"].theirs == 16
    assert rows["growth_time_observations"].theirs == 16


def test_a_draw_is_timed_and_its_memory_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a size that takes a second."""
    sizes = {"LATENTS": 24, "ROWS": 4, "COLUMNS": 8, "COMPONENTS": 8, "WINDOW": 4, "OVERLAP": 2}
    for name, size in sizes.items():
        monkeypatch.setattr(growth, name, size)
    seconds, memory = draw_once(6, 1, 10)
    assert 0 < seconds < 60
    assert 0 <= memory < 4000


def test_a_draw_that_fails_is_told(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "GROWING", {"states": [(3, 4, 5)]})  # fewer than of a window
    with pytest.raises(RuntimeError, match=r"a draw of \(3, 4, 5\) failed:[^$]*fewer than the 8"):
        list(measure_growth(tmp_path))
