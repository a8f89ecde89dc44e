"""The benchmark of Lorenz-96 compares ours with SDA and with a Kalman smoother."""

from pathlib import Path

import pytest

from bench import lorenz, lorenz96
from bench.worlds.lorenz96 import build_lorenz96


def test_ours_sda_and_a_smoother_are_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lorenz96, "build_lorenz96", lambda: build_lorenz96(states=3, parts=8))
    for key, count in (("WINDOWS", 2), ("PARTICLES", 512), ("ENSEMBLE", 64)):
        monkeypatch.setattr(lorenz96, key, count)
    for key, count in (("STEPS", 4), ("MEMBERS", 8)):
        monkeypatch.setattr(lorenz, key, count)
    page = tmp_path / "page.md"
    page.write_text("\n".join(lorenz96.MARKS))
    rows = {row.name: row for row in lorenz96.measure_lorenz96(Path(), page)}
    assert rows["lorenz96_distance_once"].ours != rows["lorenz96_distance_often"].ours
    assert all(row.ours > 0 and row.theirs > 0 for row in rows.values())
    text = page.read_text()
    for kind in ("once", "often"):
        for way in ("floor", "enkf", "ours", "sda", "sda, pc, same cost"):
            assert f"| {kind} | {way} | " in text
