"""The benchmark of Lorenz-63 compares ours with SDA at one number of steps."""

from pathlib import Path

import pytest

from bench import lorenz
from bench.worlds.lorenz import build_lorenz


def test_ours_and_sda_are_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lorenz, "build_lorenz", lambda: build_lorenz(states=9, parts=32))
    for key, count in (("STEPS", 4), ("MEMBERS", 16), ("WINDOWS", 2), ("PARTICLES", 256)):
        monkeypatch.setattr(lorenz, key, count)
    for name in ("SDA", "OURS"):
        monkeypatch.setattr(lorenz, name, getattr(lorenz, name) | {"steps": 4})
    page = tmp_path / "page.md"
    page.write_text("\n".join(lorenz.MARKS))
    rows = {row.name: row for row in lorenz.measure_lorenz(Path(), page)}
    assert set(rows) == {f"lorenz63_distance{x}" for x in ("", "_low", "_high")}
    both = (rows["lorenz63_distance_low"].ours + rows["lorenz63_distance_high"].ours) / 2
    assert rows["lorenz63_distance"].ours == pytest.approx(both)
    assert all(row.ours > 0 and row.theirs > 0 for row in rows.values())
    assert rows["lorenz63_distance"].ours != rows["lorenz63_distance"].theirs
    assert "| high | mmps |" in page.read_text()
