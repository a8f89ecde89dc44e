"""The benchmark of random windows reads the same bytes each way."""

from pathlib import Path

from bench import windows
from galerne.reading import Record


def test_every_way_reads_the_record_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(windows, "GRID", (6, 8))
    monkeypatch.setattr(windows, "STATES", 48)
    windows._write(tmp_path / "manifest.json")
    whole = 48 * len(windows.NAMES) * windows.LEVELS * 6 * 8 * 4
    record = Record(tmp_path / "manifest.json", windows.NAMES)
    assert windows._windows(record) == whole
    assert windows._sequential(record) == whole
    assert windows._zarrs(tmp_path / "manifest.json", 1) == whole
    read = windows._xbatcher(tmp_path / "manifest.json")
    assert whole <= read < 1.2 * whole  # and coordinates


def test_rates_are_compared(monkeypatch) -> None:
    monkeypatch.setattr(windows, "GRID", (6, 8))
    monkeypatch.setattr(windows, "STATES", 16)
    rows = list(windows.measure_windows(Path()))
    assert [row.name for row in rows] == ["windows_vs_sequential", "windows_vs_xbatcher"]
    assert all(row.ratio > 0 and row.unit == "MB/s" for row in rows)
