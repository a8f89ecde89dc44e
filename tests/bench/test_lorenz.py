"""The benchmark of Lorenz-63 compares ours with SDA at one number of steps, and at one cost."""

from pathlib import Path

import pytest

from bench import lorenz
from bench.worlds.lorenz import build_lorenz

KINDS = ("", "low", "high")


def test_ours_and_sda_are_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lorenz, "build_lorenz", lambda: build_lorenz(states=9, parts=32))
    for key, count in (("STEPS", 8), ("MEMBERS", 16), ("WINDOWS", 2), ("PARTICLES", 256)):
        monkeypatch.setattr(lorenz, key, count)
    page = tmp_path / "page.md"
    page.write_text("\n".join(lorenz.MARKS))
    rows = {row.name: row for row in lorenz.measure_lorenz(Path(), page)}
    assert set(rows) == {
        "_".join(filter(None, ("lorenz63_distance", variant, kind)))
        for variant in ("", "corrected", "same_cost")
        for kind in KINDS
    }
    both = (rows["lorenz63_distance_low"].ours + rows["lorenz63_distance_high"].ours) / 2
    assert rows["lorenz63_distance"].ours == pytest.approx(both)
    assert all(row.ours > 0 and row.theirs > 0 for row in rows.values())
    assert len({row.ours for row in rows.values()}) == len(KINDS)
    assert len({row.theirs for row in rows.values()}) == len(rows)
    cells = [line.split(" | ") for line in page.read_text().splitlines()]
    costs = {row[1]: float(row[-1].rstrip(" |")) for row in cells if row[0] == "| high"}
    assert costs["sda, pc, same cost"] == pytest.approx(costs["ours"], rel=0.3)
    assert costs["sda, pc"] < 0.5 * costs["ours"]
    assert costs["floor"] == 0


def test_all_ways_take_as_many_calls() -> None:
    found = {}
    for name, method in lorenz._methods().items():
        found[name] = method["steps"] * (method.get("corrections", 0) + 1)
    assert set(found.values()) == {lorenz.STEPS}
