"""Blocks refuse what cannot be, each in its own words."""

import pytest

from pydantic import ValidationError

from galerne.config.blocks import Dataset, Grid, Period

GRID = {
    "kind": "equiangular",
    "latitudes": 16,
    "longitudes": 32,
    "poles": False,
    "method": "conservative",
}
START, END = "2001-01-01T00:00", "2001-02-01T00:00"


def dataset(**changes: object) -> dict:
    """A valid dataset, with some keys changed."""
    return {
        "source": {"kind": "archive", "path": "x.zarr"},
        "surface": ["2m_temperature"],
        "pressure": [],
        "levels": [],
        "step_hours": 6,
        "grid": GRID,
        "storage": {"rounding": None},
        "climatology": {"harmonics_of_year": 0, "harmonics_of_day": 0},
        "hourly_climatology": None,
        "gap_hours": 120,
        "exclude": [],
        "periods": {
            "a": {"role": "train", "start": START, "end": END},
            "b": {"role": "validation", "start": "2001-02-06T00:00", "end": "2001-02-10T00:00"},
            "c": {"role": "test", "start": "2001-02-15T00:00", "end": "2001-02-20T00:00"},
        },
        **changes,
    }


def test_a_period_ends_after_it_starts() -> None:
    Period(role="train", start=START, end=END)
    with pytest.raises(ValidationError, match="is not after start"):
        Period(role="train", start=END, end=START)


def test_a_row_continues_across_the_pole() -> None:
    with pytest.raises(ValidationError, match="longitudes must be even"):
        Grid(**GRID | {"longitudes": 33})


def test_a_gaussian_grid_has_no_row_on_a_pole() -> None:
    Grid(**GRID | {"kind": "gaussian"})
    with pytest.raises(ValidationError, match="no row of a Gaussian grid lies on a pole"):
        Grid(**GRID | {"kind": "gaussian", "poles": True})


@pytest.mark.parametrize("alone", ["10m_u_component_of_wind", "10m_v_component_of_wind"])
def test_the_components_of_a_wind_come_together(alone) -> None:
    with pytest.raises(ValidationError, match="name both 10m_u_component_of_wind and 10m_v_"):
        Dataset.model_validate(dataset(surface=["2m_temperature", alone]))


def test_periods_of_unlike_roles_keep_their_gap() -> None:
    Dataset.model_validate(dataset())
    with pytest.raises(ValidationError, match=r"periods 'a' and 'b' are less than 6 days"):
        Dataset.model_validate(dataset(gap_hours=144))


def test_every_role_is_served() -> None:
    periods = {k: v for k, v in dataset()["periods"].items() if k != "c"}
    with pytest.raises(ValidationError, match="no period has the role 'test'"):
        Dataset.model_validate(dataset(periods=periods))


def test_levels_and_variables_on_levels_come_together() -> None:
    with pytest.raises(ValidationError, match="pressure variables need levels"):
        Dataset.model_validate(dataset(pressure=["temperature"]))


def test_excluded_hours_are_times_or_spans() -> None:
    spans = ["2001-01-02T00:00", {"start": "2001-01-03T00:00", "end": "2001-01-04T00:00"}]
    one, two = Dataset.model_validate(dataset(exclude=spans)).exclude
    assert one.start == one.end
    assert two.touches(two.end, two.end)
    assert not two.touches(one.start, one.end)
    with pytest.raises(ValidationError, match="is before start"):
        Dataset.model_validate(dataset(exclude=[{"start": END, "end": START}]))


def test_what_is_rounded_is_of_the_state() -> None:
    Dataset.model_validate(dataset(storage={"rounding": {"2m_temperature": 0.01}}))
    with pytest.raises(ValidationError, match=r"storage.rounding: the state has no 'temperature'"):
        Dataset.model_validate(dataset(storage={"rounding": {"temperature": 0.01}}))
    with pytest.raises(ValidationError, match="greater than 0"):
        Dataset.model_validate(dataset(storage={"rounding": {"2m_temperature": 0.0}}))
