"""The table of observations on disk."""

import numpy as np
import pandas as pd
import pytest

from galerne.observe.table import COLUMNS, read_observations, write_observations

ROWS = pd.DataFrame(
    {
        "time": pd.to_datetime(
            ["2001-01-01T06:00:00.5", "2001-01-01", "2001-01-01"], format="ISO8601"
        ),
        "lat": [1.0, 2.0, 2.0],
        "lon": [3.0, 4.0, 4.0],
        "level": [500.0, 850.0, np.nan],
        "variable": ["temperature", "temperature", "temperature"],
        "observation": [250.1, 270.2, 280.3],
        "error": [1.0, 1.0, 2.0],
        "platform": "a",
        "station": "x",
        "withheld": [False, True, False],
    }
)


def test_the_table_is_read_as_it_was_written(tmp_path) -> None:
    write_observations(ROWS, tmp_path / "o.parquet")
    got = read_observations(tmp_path / "o.parquet")
    assert list(got.columns) == COLUMNS
    assert got["time"].dtype == "datetime64[ns]"
    assert got["observation"].tolist() == [280.3, 270.2, 250.1]
    assert np.isnan(got["level"][0])
    assert got["withheld"].tolist() == [False, True, False]
    assert got["time"][2] == pd.Timestamp("2001-01-01T06:00:00.5")


def test_observations_are_read_at_the_ground_of_the_model(tmp_path) -> None:
    heights = {"elevation": [np.nan, 300.0, 300.0], "model_elevation": [np.nan, 100.0, 100.0]}
    surface = ROWS["variable"].where(ROWS["level"].notna(), "2m_temperature")
    write_observations(ROWS.assign(variable=surface, **heights), tmp_path / "o.parquet")
    assert pd.read_parquet(tmp_path / "o.parquet")["observation"][0] == 280.3
    got = read_observations(tmp_path / "o.parquet")
    assert list(got.columns) == COLUMNS
    np.testing.assert_allclose(got["observation"], [281.6, 270.2, 250.1])


@pytest.mark.parametrize(
    ("heights", "message"),
    [
        ({"elevation": 10.0}, "has no column model_elevation"),
        ({"model_elevation": 10.0}, "has no column elevation"),
        ({"elevation": 10.0, "model_elevation": [1.0, np.nan, 1.0]}, "elevation of row 1"),
        ({"elevation": 10.0, "model_elevation": [1.0, 1.0, 1e6]}, "model_elevation of row 2"),
    ],
)
def test_heights_that_cannot_be_are_refused(heights, message, tmp_path) -> None:
    ROWS.assign(**heights).to_parquet(tmp_path / "o.parquet")
    with pytest.raises(ValueError, match=message):
        read_observations(tmp_path / "o.parquet")


def test_the_same_observations_are_the_same_bytes(tmp_path) -> None:
    write_observations(ROWS, tmp_path / "a.parquet")
    write_observations(ROWS.iloc[::-1], tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_table_without_a_column_is_refused(tmp_path) -> None:
    ROWS.drop(columns="error").to_parquet(tmp_path / "o.parquet")
    with pytest.raises(ValueError, match="has no column error"):
        read_observations(tmp_path / "o.parquet")


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("time", pd.NaT, "a time"),
        ("lat", 90.5, "within -90 to 90 degrees"),
        ("lat", np.nan, "within -90 to 90 degrees"),
        ("lon", np.inf, "finite"),
        ("level", 0.0, "positive, or NaN"),
        ("level", np.inf, "positive, or NaN"),
        ("variable", None, "a name"),
        ("observation", np.nan, "finite"),
        ("observation", -np.inf, "finite"),
        ("error", 0.0, "a standard deviation: positive and finite"),
        ("error", -1.0, "a standard deviation"),
        ("error", np.nan, "a standard deviation"),
        ("error", np.inf, "a standard deviation"),
    ],
)
def test_what_no_observation_can_be_is_refused_by_row(tmp_path, column, value, allowed) -> None:
    bad = ROWS.copy()
    bad[column] = bad[column].astype(object)
    bad.loc[1, column] = value
    path = tmp_path / "o.parquet"
    bad.astype({"time": "datetime64[ns]"} if column == "time" else {}).to_parquet(path)
    with pytest.raises(ValueError, match=rf"o.parquet: {column} of row 1 .* of a at .*{allowed}"):
        read_observations(path)


def test_a_row_that_may_or_may_not_be_used_is_refused(tmp_path) -> None:
    unsure = ROWS.assign(withheld=pd.array([True, None, False], "boolean"))
    unsure.to_parquet(tmp_path / "o.parquet")
    with pytest.raises(ValueError, match="withheld must be true or false"):
        read_observations(tmp_path / "o.parquet")


def test_no_observation_at_all_is_a_table_too(tmp_path) -> None:
    write_observations(ROWS.iloc[:0], tmp_path / "o.parquet")
    assert read_observations(tmp_path / "o.parquet").empty
