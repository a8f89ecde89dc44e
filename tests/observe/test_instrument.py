"""Where and when instruments look."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from galerne.observe.instrument import Instrument, instrument, place_observations

START = np.datetime64("2001-01-01T03", "ns")
END = START + np.timedelta64(24, "h")
SITES = pd.DataFrame(
    {
        "platform": ["land", "land", "sonde"],
        "station": ["a", "b", "c"],
        "lat": [10.0, 20.0, -30.0],
        "lon": [5.0, 6.0, 7.0],
        "withheld": [False, True, False],
    }
)
LAND = instrument("stations", every_hours=6, errors={"2m_temperature": 1.0})
SONDE = instrument("soundings", hours=[12, 0], levels=[500, 850], errors={"temperature": 0.5})
SWATH = instrument(
    "swath",
    altitude_km=830.0,
    inclination_degrees=98.7,
    width_km=1000.0,
    across=3,
    every_seconds=600.0,
    levels=[500],
    errors={"temperature": 1.0},
)


def looks(start=START, end=END, seed=0, **instruments: Instrument) -> pd.DataFrame:
    return place_observations(
        instruments, SITES, start=start, end=end, withheld_share=0.25, seed=seed
    )


def test_stations_report_at_hours_of_the_day_within_the_window() -> None:
    rows = looks(land=LAND)
    assert sorted(rows["time"].dt.hour.unique()) == [0, 6, 12, 18]
    assert len(rows) == 2 * 4
    assert rows["level"].isna().all()
    assert rows.groupby("station")["withheld"].unique().map(list).to_dict() == {
        "a": [False],
        "b": [True],
    }


def test_the_ends_of_the_window_are_included() -> None:
    rows = looks(START + np.timedelta64(3, "h"), START + np.timedelta64(9, "h"), land=LAND)
    assert sorted(rows["time"].dt.hour.unique()) == [6, 12]


def test_soundings_report_every_level_at_their_hours() -> None:
    rows = looks(sonde=SONDE)
    assert [(t.hour, level) for t, level in zip(rows["time"], rows["level"], strict=True)] == [
        (12, 500.0),
        (12, 850.0),
        (0, 500.0),
        (0, 850.0),
    ]
    assert (rows["error"] == 0.5).all()
    assert (rows["station"] == "c").all()


def test_a_swath_looks_between_the_states_and_withholds_whole_lines() -> None:
    rows = looks(orbiter=SWATH)
    lines = rows.groupby("station")
    assert len(lines) == 24 * 6 + 1
    assert (lines.size() == 3).all()
    assert (lines["withheld"].nunique() == 1).all()
    assert lines["withheld"].first().mean() == pytest.approx(0.25, abs=0.01)
    assert rows["time"].between(START, END).all()


def test_the_orbit_is_the_same_for_every_window() -> None:
    both = looks(orbiter=SWATH)
    later = looks(START + np.timedelta64(6, "h"), seed=1, orbiter=SWATH)
    places = ["time", "lat", "lon", "level", "variable"]
    assert len(later) == len(later.merge(both, on=places))
    other = looks(companion=SWATH)
    assert not np.allclose(other["lat"], both["lat"])


def test_another_instrument_changes_nothing_for_the_others() -> None:
    alone, together = looks(orbiter=SWATH), looks(orbiter=SWATH, land=LAND, sonde=SONDE)
    kept = together[together["platform"] == "orbiter"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, alone)


def test_where_nobody_looks_the_table_is_empty() -> None:
    one_hour = START + np.timedelta64(1, "h")
    nothing = looks(START, one_hour, land=LAND)
    assert nothing.empty
    assert set(nothing) >= {"time", "lat", "lon", "level", "variable", "error", "platform"}


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown instrument 'buoy'"):
        instrument("buoy", errors={})


def test_errors_that_are_correlated_say_so_row_by_row() -> None:
    vertical = dataclasses.replace(SONDE, correlation={"log_pressure": 0.3})
    rows = looks(sonde=vertical, land=LAND)
    own = rows[rows["platform"] == "sonde"]
    assert set(own.groupby("block").size()) == {2}  # levels of one launch
    assert (own["correlation_log_pressure"] == 0.3).all()
    assert own["correlation_km"].isna().all()
    assert rows.loc[rows["platform"] == "land", "block"].isna().all()
    plain = looks(sonde=SONDE, land=LAND)
    pd.testing.assert_frame_equal(rows[plain.columns], plain)


def test_a_swath_is_cut_into_blocks_of_whole_lines() -> None:
    wide = dataclasses.replace(SWATH, across=200, correlation={"log_pressure": None, "km": 300.0})
    rows = looks(orbiter=wide)
    sizes = rows.groupby(["variable", "block"]).agg(
        rows=("lat", "size"), lines=("station", "nunique")
    )
    assert (sizes["rows"] == 200 * sizes["lines"]).all()
    assert sizes["rows"].max() == 400
    both = dataclasses.replace(
        wide, levels=[500, 850, 300], correlation={"log_pressure": 0.3, "km": 300.0}
    )
    with pytest.raises(ValueError, match="a scan line has 600 correlated errors; at most 512"):
        looks(orbiter=both)
