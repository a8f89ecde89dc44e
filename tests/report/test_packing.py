"""Packed fields come back within half a step; equal ones are stored once."""

import base64
import zlib

import numpy as np
import pytest

from galerne.report.packing import LEVELS, Store, quantised, restored, wider


@pytest.mark.parametrize("name", LEVELS)
def test_any_field_comes_back_within_half_a_step(name: str) -> None:
    values = np.random.default_rng(0).normal(size=(3, 5, 64))
    values[1, 2, 3] = np.nan
    span = wider(None, values)
    steps = quantised(values, span, name)
    assert steps.dtype == ("uint16" if name in ("truth", "climatology") else "uint8")
    found = restored(steps, span, name)
    assert np.nanmax(np.abs(found - values)) <= (span[1] - span[0]) / LEVELS[name] / 2 + 1e-12
    assert np.argwhere(np.isnan(found)).tolist() == [[1, 2, 3]]


def test_a_constant_field_comes_back() -> None:
    values = np.full((2, 4), 7.0)
    steps = quantised(values, [7.0, 7.0], "error")
    np.testing.assert_array_equal(restored(steps, [7.0, 7.0], "error"), 7)


def test_equal_pieces_are_stored_once_and_taken_back() -> None:
    store = Store()
    one, two = np.arange(4, dtype="u1"), np.arange(5, dtype="u1")
    assert [store.add(one), store.add(two), store.add(one)] == [0, 1, 0]
    assert zlib.decompress(base64.b64decode(store.blobs[1])) == two.tobytes()
    assert store.size == sum(map(len, store.blobs))
    store.take_back(1)
    assert store.size == len(store.blobs[0])
    assert [store.add(one), store.add(two)] == [0, 1]


def test_ranges_grow_and_skip_what_is_missing() -> None:
    assert wider(None, np.array([np.nan])) is None
    assert wider([1.0, 2.0], np.array([np.nan, 3.0])) == [1.0, 3.0]
