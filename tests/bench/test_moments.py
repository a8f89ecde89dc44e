"""The benchmark of moments compares the same bytes."""

import pytest

from bench import moments as module


def test_both_rates_are_of_the_whole_year(monkeypatch) -> None:
    monkeypatch.setattr(module, "STATES", 12)
    monkeypatch.setattr(module, "TURNS", 1)
    (found,) = module.measure_moments()
    assert found.name == "moments_vs_read"
    assert found.ratio == pytest.approx(found.ours / found.theirs)
    assert found.ours > 0
