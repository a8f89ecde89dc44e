"""Tests of the file of a spun-up state."""

import numpy as np
import pytest

from galerne.source.spinup import read_arrays, write_arrays

ARRAYS = [np.arange(6.0).reshape(2, 3), np.array(7, "int32"), np.array([True])]


def test_arrays_come_back_as_they_were(tmp_path) -> None:
    write_arrays(tmp_path / "deep" / "state.npz", ARRAYS)
    found = read_arrays(tmp_path / "deep" / "state.npz", ARRAYS)
    for a, b in zip(found, ARRAYS, strict=True):
        assert np.array_equal(a, b)
        assert a.dtype == b.dtype
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["state.npz"]


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "text"])
def test_a_damaged_file_is_as_good_as_none(tmp_path, damage) -> None:
    path = tmp_path / "state.npz"
    write_arrays(path, ARRAYS)
    content = bytearray(path.read_bytes())
    content[content.index(b"\x93NUMPY") + 140] ^= 0xFF
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "empty": b"", "flipped": content, "text": b"hello"}[
            damage
        ]
    )
    assert read_arrays(path, ARRAYS) is None
    path.write_bytes(whole)
    assert read_arrays(path, ARRAYS) is not None


@pytest.mark.parametrize(
    "other", [ARRAYS[:2], [*ARRAYS[:2], np.array([1])], [ARRAYS[0].T, *ARRAYS[1:]]]
)
def test_a_state_of_another_model_is_as_good_as_none(tmp_path, other) -> None:
    write_arrays(tmp_path / "state.npz", ARRAYS)
    assert read_arrays(tmp_path / "state.npz", other) is None


def test_no_file_is_no_state(tmp_path) -> None:
    assert read_arrays(tmp_path / "state.npz", ARRAYS) is None
