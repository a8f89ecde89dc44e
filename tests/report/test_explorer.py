"""Packed maps come back as they went in, once each, within the budget."""

import base64
import json
import zlib

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.report.explorer import MapSet, pack_maps
from galerne.report.packing import LEVELS, restored

from .conftest import CHANNELS, CHOICE, LEGEND, make_maps

WINDOW = {"window": "20040114T00_12h"}
LATER = {"window": "20040129T00_12h"}


def one(maps: xr.Dataset, observations: pd.DataFrame | None = None, **changes: str) -> MapSet:
    kind = changes.pop("kind", "reanalysis")
    return MapSet(CHOICE | WINDOW | changes, kind, maps, observations, 6)


def pack(sets: list[MapSet], **options: object) -> dict:
    return pack_maps(sets, LEGEND, **options)


def raw(packed: dict, piece: int, kind: str = "<u2") -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(packed["blobs"][piece])), kind)


def read(packed: dict, piece: int, span: list[float], name: str) -> np.ndarray:
    """A field of the made-up maps, whose rows have 16 columns."""
    steps = raw(packed, piece, "u1" if packed["levels"][name] < 255 else "<u2")
    return restored(steps.reshape(-1, 8, 16), span, name).squeeze()


def own(packed: dict, name: str, frame: int, method: str = "mmps", scene: int = 0) -> np.ndarray:
    """A field of a method, of the first channel."""
    found = packed["scenes"][scene]["methods"][method][name][0]
    return read(packed, found["pieces"][frame], found["span"], name)


def make_rough(seed: int = 1) -> xr.Dataset:
    """Maps whose fields are unlike: errors, spread and members are noise."""
    maps, rng = make_maps(), np.random.default_rng(seed)
    for name in ("mean", "spread", "members"):
        maps[name] = maps[name] + rng.gamma(2.0, size=maps[name].shape)
    return maps


@pytest.fixture
def rough() -> xr.Dataset:
    return make_rough()


def test_what_is_shared_comes_back_within_half_a_step(maps: xr.Dataset) -> None:
    packed = pack([one(maps)])
    span = packed["ranges"]["world"][CHANNELS[0]]["field"]
    for name in ("truth", "climatology", "prior_sample"):
        for frame in range(3):
            piece = packed["scenes"][0]["fields"][name][0][frame]
            found = read(packed, piece, span, name)
            step = (span[1] - span[0]) / LEVELS[name]
            assert np.abs(found - maps[name].values[0, frame]).max() <= step / 2 + 1e-9


def test_what_is_of_a_method_comes_back_within_half_a_step_of_its_own(rough: xr.Dataset) -> None:
    packed = pack([one(rough)])
    expected = {
        "error": rough["mean"] - rough["truth"],
        "spread": rough["spread"],
        "members": rough["members"] - rough["mean"],
    }
    for name, values in expected.items():
        step = float(values[0].max() - values[0].min()) / LEVELS[name]
        for frame in range(3):
            wrong = np.abs(own(packed, name, frame) - values.values[0, frame])
            assert step / 8 < wrong.max() <= step / 2 + 1e-6
    assert own(packed, "members", 0).shape == (3, 8, 16)
    assert packed["scenes"][0]["methods"]["mmps"]["members"][0]["count"] == 3


def test_missing_values_stay_missing(maps: xr.Dataset) -> None:
    maps["truth"][0, 0, 3, 4] = np.nan
    packed = pack([one(maps)])
    span = packed["ranges"]["world"][CHANNELS[0]]["field"]
    truth = read(packed, packed["scenes"][0]["fields"]["truth"][0][0], span, "truth")
    for found in (truth, own(packed, "error", 0)):
        assert np.argwhere(np.isnan(found)).tolist() == [[3, 4]]


def test_equal_fields_are_stored_once(maps: xr.Dataset) -> None:
    alone = pack([one(maps)])
    twice = pack([one(maps), one(maps, task="again")])
    assert len(twice["blobs"]) == len(alone["blobs"])
    assert len(twice["scenes"]) == 2


def test_observations_come_back_with_place_time_and_use(
    maps: xr.Dataset, observations: pd.DataFrame
) -> None:
    packed = pack([one(maps, observations)])
    seen = packed["scenes"][0]["observations"][1]
    lat, lon, value, hour, withheld = raw(packed, seen["blob"]).reshape(5, -1).astype(float)
    assert (lat / 100 - 90).tolist() == [-20, 30]
    assert (lon / 100 - 180).tolist() == [-1, -180]
    np.testing.assert_allclose(seen["low"] + value * seen["scale"], [280, 290], atol=1e-3)
    assert ((hour - 1000) / 20).tolist() == [0, 2]
    assert withheld.tolist() == [1, 0]


def test_last_observation_follows_the_task() -> None:
    maps = make_maps(lead=6.0)
    kinds = ("reanalysis", "filtering", "forecasting")
    packed = pack([one(maps, kind=kind, task=kind) for kind in kinds])
    last = [s["last"] for s in packed["scenes"]]
    assert last == [None, [0.0, 6.0, 12.0], [0.0, 0.0, 0.0]]


def test_fine_grids_are_averaged_over_blocks(maps: xr.Dataset) -> None:
    packed = pack([one(maps)], longest=8)
    assert packed["said"] == ["Fields are averaged over blocks of 2 × 2 cells for display."]
    assert len(packed["grids"]["world"]["longitude"]) == 8
    assert packed["grids"]["world"]["longitude"][0] == pytest.approx(22.5)


def test_baselines_stand_beside_the_method(rough: xr.Dataset) -> None:
    bare = make_maps().drop_vars("prior_sample")
    packed = pack([one(bare, method="oi"), one(rough)], beside="oi")
    (scene,) = packed["scenes"]
    assert list(scene["methods"]) == list(packed["looks"])[:2] == ["mmps", "oi"]
    assert "prior_sample" in scene["fields"]
    assert packed["beside"] == "oi"
    np.testing.assert_allclose(own(packed, "error", 0, "oi"), 1.0)


def test_one_state_has_neither_spread_nor_members(maps: xr.Dataset) -> None:
    packed = pack([one(maps.assign(spread=0 * maps["spread"]), method="oi")])
    assert set(packed["scenes"][0]["methods"]["oi"]) == {"error"}


def many() -> list[MapSet]:
    """Two windows of a method and a baseline, all with fields of their own."""
    pairs = [("mmps", WINDOW), ("mmps", LATER), ("oi", WINDOW), ("oi", LATER)]
    return [
        one(make_rough(k), method=method, **window) for k, (method, window) in enumerate(pairs)
    ]


def parts(packed: dict) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (scene["choice"]["window"][6:8], name, tuple(about))
        for scene in packed["scenes"]
        for name, about in scene["methods"].items()
    ]


def test_what_goes_beyond_the_budget_is_left_out_by_interest_and_said() -> None:
    sets, fields = many(), ("error", "spread")
    whole = pack(sets)
    assert whole["said"] == []
    size = sum(map(len, whole["blobs"]))
    less = pack(sets, budget=size - 1)
    assert parts(less) == [
        ("14", "mmps", (*fields, "members")), ("14", "oi", (*fields, "members")),
        ("29", "mmps", (*fields, "members")), ("29", "oi", fields),
    ]  # fmt: skip
    assert less["said"] == ["Single members of Optimal interpolation are left out in 1 window."]
    little = pack(sets, budget=size // 3)
    assert parts(little)[0] == ("14", "mmps", (*fields, "members"))
    assert ("29", "oi", fields) not in parts(little)
    words = "Left out to keep the page small: maps of 2 of 4 ensembles in 1 window."
    assert words in little["said"]
    for packed, budget in ((less, size - 1), (little, size // 3)):
        assert sum(map(len, packed["blobs"])) <= budget


def test_a_long_window_is_shown_at_fewer_times() -> None:
    packed = pack([one(make_maps(40))], budget=2 * 7 * 2 * 8 * 16 * 20)
    assert packed["said"][0] == "One time in 2 is shown."
    assert packed["scenes"][0]["hours"] == [12.0 * k for k in range(20)]


def test_a_dense_network_is_thinned_and_this_is_said(
    maps: xr.Dataset, observations: pd.DataFrame
) -> None:
    dense = pd.concat([observations] * 5000, ignore_index=True)
    packed = pack([one(maps, dense)])
    assert packed["scenes"][0]["observations"][0]["count"] == 5000
    assert "at most 8,000 observations" in packed["said"][0]


def test_maps_without_spread_members_mask_or_observations(maps: xr.Dataset) -> None:
    bare = maps.drop_vars(["spread", "members", "prior_sample", "land_sea_mask", "climatology"])
    (scene,) = (packed := pack([one(bare)]))["scenes"]
    assert set(scene["fields"]) == {"truth"}
    assert set(scene["methods"]["mmps"]) == {"error"}
    assert scene["observations"] == [None, None]
    assert packed["grids"]["world"]["coasts"] == []


def test_packing_is_plain_and_repeatable(maps: xr.Dataset, observations: pd.DataFrame) -> None:
    first, second = (json.dumps(pack([one(maps, observations)])) for _ in range(2))
    assert first == second
    assert pack([])["scenes"] == []
