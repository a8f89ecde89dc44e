"""Packed maps come back as they went in, once each, within the budget."""

import base64
import json
import zlib

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.report.explorer import LEVELS, MISSING, MapSet, pack_maps

from .conftest import CHANNELS, CHOICE, make_maps

WINDOW = {"window": "20040114T00_12h"}


def one(maps: xr.Dataset, observations: pd.DataFrame | None = None, **changes: str) -> MapSet:
    kind = changes.pop("kind", "reanalysis")
    return MapSet(CHOICE | WINDOW | changes, kind, maps, observations, 6)


def raw(packed: dict, piece: int) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(packed["blobs"][piece])), "<u2")


def read(packed: dict, piece: int, span: list[float], shape: tuple[int, int]) -> np.ndarray:
    """The way back, as the page goes it."""
    levels = np.cumsum(raw(packed, piece).reshape(shape).astype(int), axis=1) % 2**16
    values = span[0] + levels * (span[1] - span[0]) / LEVELS
    return np.where(levels == MISSING, np.nan, values)


def test_fields_come_back_within_half_a_step(maps: xr.Dataset) -> None:
    packed = pack_maps([one(maps)])
    about = packed["ranges"]["world"][CHANNELS[0]]
    step = (about["field"][1] - about["field"][0]) / LEVELS
    for frame in range(3):
        piece = packed["sets"][0]["fields"]["truth"][0][frame]
        found = read(packed, piece, about["field"], (8, 16))
        truth = maps["truth"].values[0, frame]
        assert np.abs(found - truth).max() <= step / 2 + 1e-9


def test_members_are_kept_by_frame_and_number(maps: xr.Dataset) -> None:
    packed = pack_maps([one(maps)])
    pieces = packed["sets"][0]["fields"]["members"][0]
    assert np.shape(pieces) == (3, 3)
    span = packed["ranges"]["world"][CHANNELS[0]]["field"]
    found = [read(packed, piece, span, (8, 16)) for piece in pieces[0]]
    np.testing.assert_allclose(found[2] - found[0], 2.0, atol=0.02)


def test_missing_values_stay_missing(maps: xr.Dataset) -> None:
    maps["truth"][0, 0, 3, 4] = np.nan
    packed = pack_maps([one(maps)])
    span = packed["ranges"]["world"][CHANNELS[0]]["field"]
    found = read(packed, packed["sets"][0]["fields"]["truth"][0][0], span, (8, 16))
    assert np.argwhere(np.isnan(found)).tolist() == [[3, 4]]


def test_equal_fields_are_stored_once(maps: xr.Dataset) -> None:
    alone = pack_maps([one(maps)])
    twice = pack_maps([one(maps), one(maps, task="again")])
    assert len(twice["blobs"]) == len(alone["blobs"])
    assert len(twice["sets"]) == 2


def test_observations_come_back_with_place_time_and_use(
    maps: xr.Dataset, observations: pd.DataFrame
) -> None:
    packed = pack_maps([one(maps, observations)])
    seen = packed["sets"][0]["observations"][1]
    lat, lon, value, hour, withheld = raw(packed, seen["blob"]).reshape(5, -1).astype(float)
    assert (lat / 100 - 90).tolist() == [-20, 30]
    assert (lon / 100 - 180).tolist() == [-1, -180]
    np.testing.assert_allclose(seen["low"] + value * seen["scale"], [280, 290], atol=1e-3)
    assert ((hour - 1000) / 20).tolist() == [0, 2]
    assert withheld.tolist() == [1, 0]


def test_last_observation_follows_the_task() -> None:
    maps = make_maps(lead=6.0)
    kinds = ("reanalysis", "filtering", "forecasting")
    packed = pack_maps([one(maps, kind=kind) for kind in kinds])
    last = [s["last"] for s in packed["sets"]]
    assert last == [None, [0.0, 6.0, 12.0], [0.0, 0.0, 0.0]]


def test_fine_grids_are_averaged_over_blocks(maps: xr.Dataset) -> None:
    packed = pack_maps([one(maps)], longest=8)
    assert packed["factor"] == 2
    assert len(packed["grids"]["world"]["longitude"]) == 8
    assert packed["grids"]["world"]["longitude"][0] == pytest.approx(22.5)


def test_sets_beyond_the_budget_are_dropped_and_counted(maps: xr.Dataset) -> None:
    packed = pack_maps([one(maps), one(maps + 1, task="again"), one(maps, task="more")], budget=1)
    assert (len(packed["sets"]), packed["dropped"]) == (1, 2)


def test_maps_without_spread_members_mask_or_observations(maps: xr.Dataset) -> None:
    bare = maps.drop_vars(["spread", "members", "prior_sample", "land_sea_mask", "climatology"])
    packed = pack_maps([one(bare)])
    assert set(packed["sets"][0]["fields"]) == {"truth", "mean"}
    assert packed["sets"][0]["observations"] == [None, None]
    assert packed["grids"]["world"]["coasts"] == []


def test_packing_is_plain_and_repeatable(maps: xr.Dataset, observations: pd.DataFrame) -> None:
    first, second = (json.dumps(pack_maps([one(maps, observations)])) for _ in range(2))
    assert first == second
    assert pack_maps([])["sets"] == []
