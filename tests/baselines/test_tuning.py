"""Every declared combination is tried, and the best is kept."""

import json

import numpy as np
import pytest

from galerne.baselines.tuning import combinations, read_chosen, relative_crps, tune
from galerne.grid.areas import cell_areas

SETTINGS = {"hours": [1.0, 2.0], "length_km": [10.0, 20.0], "modes": 3}


def test_every_combination_is_tried_and_the_best_kept() -> None:
    assert len(combinations(SETTINGS)) == 4
    found = tune(SETTINGS, lambda s: abs(s["hours"] - 2) + abs(s["length_km"] - 10))
    assert [one["error"] for one in found["tried"]] == [1.0, 11.0, 0.0, 10.0]
    assert found["chosen"] == {"hours": 2.0, "length_km": 10.0, "modes": 3}


def test_errors_that_are_not_finite_are_never_chosen() -> None:
    found = tune(SETTINGS, lambda s: float("nan") if s["hours"] == 1 else s["length_km"])
    assert found["chosen"]["hours"] == 2
    with pytest.raises(ValueError, match=r"no setting of .* has a finite error"):
        tune(SETTINGS, lambda s: float("inf"))


def test_the_crps_is_the_fair_one_in_units_of_the_scale(world) -> None:
    t = world.transform
    rng = np.random.default_rng(0)
    shape = (3, 2, len(t.channels), len(t.latitude), len(t.longitude))
    members, truth = rng.normal(size=shape).astype("float32"), np.zeros(shape[1:], "float32")
    pairs = sum(np.abs(members[i] - members[j]) for i in range(3) for j in range(i))
    crps = np.abs(members).mean(0) - pairs / (3 * 2)
    exact = np.average(crps.mean((0, 1, 3)), weights=cell_areas(t.latitude))
    assert relative_crps(members, truth, t) == pytest.approx(exact, rel=1e-5)
    single = np.average(np.abs(members[0]).mean((0, 1, 3)), weights=cell_areas(t.latitude))
    assert relative_crps(members[:1], truth, t) == pytest.approx(single, rel=1e-5)


def test_what_was_chosen_is_read(tmp_path) -> None:
    path = tmp_path / "tuning.json"
    block = {"kind": "letkf", "persists": False} | SETTINGS
    chosen = {"hours": 2.0, "length_km": 10.0, "modes": 3}
    path.write_text(json.dumps({"chosen": chosen}))
    assert read_chosen(block, [path]) == ("letkf", chosen)
    single = {"kind": "letkf", "hours": [2.0], "modes": 3}
    assert read_chosen(single, []) == ("letkf", {"hours": 2.0, "modes": 3})
    path.write_text(json.dumps({"chosen": chosen | {"hours": 9.0}}))
    with pytest.raises(ValueError, match="is none of what letkf tries"):
        read_chosen(block, [path])
    path.write_text("{}")
    with pytest.raises(ValueError, match="says of no chosen settings"):
        read_chosen(block, [path])
