"""Tests of what is wanted of a source."""

import numpy as np
import pytest

from galerne.source.selection import Selection


def test_times_include_both_ends() -> None:
    selection = Selection(("2m_temperature",), (), (), "2001-02-28T18:00", "2001-03-01T06:00", 6)
    expected = ["2001-02-28T18", "2001-03-01T00", "2001-03-01T06"]
    assert np.array_equal(selection.times, np.array(expected, "datetime64[ns]"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surface": ("2m_temprature",)}, "unknown variable '2m_temprature'"),
        ({"pressure": ("2m_temperature",), "levels": (500,)}, "has no pressure levels"),
        ({"surface": ()}, "nothing is selected"),
        ({"end": "2001-01-01T03"}, "whole number of steps of 6 h"),
        ({"end": "2000-12-31"}, "whole number of steps of 6 h"),
    ],
)
def test_refuses_what_cannot_be_had(change, message) -> None:
    good = {
        "surface": ("2m_temperature",),
        "pressure": (),
        "levels": (),
        "start": "2001-01-01",
        "end": "2001-01-02",
        "step_hours": 6,
    }
    Selection(**good)
    with pytest.raises(ValueError, match=message):
        Selection(**good | change)
