"""Rounding moves no value by more than it says."""

import numpy as np
import pytest

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from galerne import rounding
from galerne.rounding import rounded, rounding_attributes

FLOATS = st.floats(-1e6, 1e6, width=32)


@given(nps.arrays("float32", (3, 4), elements=FLOATS), st.floats(1e-4, 100))
def test_no_value_moves_by_more_than_the_bound(values, bound) -> None:
    moved = np.abs(rounded(values, bound, "t").astype("float64") - values)
    told = rounding_attributes(bound)
    assert moved.max() <= told["quantization_maximum_absolute_error"] <= bound
    assert told["quantization_maximum_absolute_error"] > bound / 2
    assert told["quantization_maximum_absolute_error"] <= 0.5 * 10 ** -float(
        told["least_significant_digit"]
    )


def test_rounding_twice_is_rounding_once_and_leaves_zeros_at_the_end() -> None:
    values = np.random.default_rng(0).normal(50_000, 5_000, (2, 50, 50)).astype("float32")
    once = rounded(values, 1.0, "z")
    assert np.array_equal(rounded(once, 1.0, "z"), once)
    assert np.array_equal(once % 2, np.zeros_like(once))
    assert not np.array_equal(once, values)


def test_what_is_not_finite_stays_where_it_is() -> None:
    values = np.array([[1.26, np.nan, np.inf, -np.inf]], "float32")
    assert np.array_equal(
        rounded(values, 0.25, "t"), np.array([[1.5, np.nan, np.inf, -np.inf]]), equal_nan=True
    )


def test_values_finer_than_floats_can_tell_are_left_alone() -> None:
    values = np.array([[1.6777217e8, 3.0e30]], "float32")
    assert np.array_equal(rounded(values, 0.01, "t"), values)


def test_a_codec_that_errs_is_an_error(monkeypatch) -> None:
    class Careless(rounding.FixedScaleOffset):
        def decode(self, buf: np.ndarray, out: None = None) -> np.ndarray:
            return super().decode(buf, out) + np.float32(0.2)

    monkeypatch.setattr(rounding, "FixedScaleOffset", Careless)
    with pytest.raises(
        ValueError, match=r"'t': rounding moved a value by 0.2\d*, allowed are 0.1"
    ):
        rounded(np.ones((2, 3), "float32"), 0.1, "t")


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan")])
def test_a_bound_is_positive(bound) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        rounded(np.ones((2, 3), "float32"), bound, "t")
