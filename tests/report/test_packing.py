"""Packed fields come back within half a step; equal ones are stored once."""

import base64
import zlib

import numpy as np
import pytest

from galerne.report.packing import LEVELS, Store, quantised, wider


def restored(steps: np.ndarray, span: list[float], kind: str) -> np.ndarray:
    levels = np.cumsum(steps.astype(int), axis=-1) % 256**steps.itemsize
    values = span[0] + levels * (span[1] - span[0]) / LEVELS[kind]
    return np.where(levels > LEVELS[kind], np.nan, values)


@pytest.mark.parametrize("kind", LEVELS)
def test_any_field_comes_back_within_half_a_step(kind: str) -> None:
    values = np.random.default_rng(0).normal(size=(3, 5, 64))
    values[1, 2, 3] = np.nan
    span = wider(None, values)
    steps = quantised(values, span, kind)
    assert steps.dtype == np.dtype(kind)
    found = restored(steps, span, kind)
    assert np.nanmax(np.abs(found - values)) <= (span[1] - span[0]) / LEVELS[kind] / 2 + 1e-12
    assert np.argwhere(np.isnan(found)).tolist() == [[1, 2, 3]]


def test_a_constant_field_comes_back() -> None:
    values = np.full((2, 4), 7.0)
    np.testing.assert_array_equal(restored(quantised(values, [7.0, 7.0], "u1"), [7, 7], "u1"), 7)


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
