"""Reading members of every layout at the states a task asks for."""

from pathlib import Path

import numpy as np
import pytest

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.evaluate.ensemble import Ensemble, blocks, lead_hours, read_members
from galerne.observe.task import Cutoff, cutoffs
from galerne.products import write_product

CHANNELS = channels(["2m_temperature"], ["temperature"], [500])
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(4) * np.timedelta64(6, "h")
PLACE = {"latitude": np.array([45.0, -45.0]), "longitude": np.arange(4) * 90.0}


def write(path, numbers, **coords: np.ndarray) -> Path:
    """Members whose values tell the member and the state."""
    steps = np.arange(len(coords.get("prediction_timedelta", coords["time"])))
    values = 10.0 * np.array(numbers)[:, None] + steps
    values = values.reshape(len(numbers), *[len(v) for v in coords.values()])
    full = np.broadcast_to(values[..., None, None, None], (*values.shape, 2, 2, 4))
    dataset = unstack_channels(
        full.astype("float32"), CHANNELS, {"number": np.array(numbers), **coords, **PLACE}
    )
    write_product(dataset, path)
    return path


def test_batches_are_joined_in_the_order_of_members(tmp_path) -> None:
    paths = [write(tmp_path / f"{n}/manifest.json", n, time=TIMES) for n in ([2, 3], [0, 1])]
    (cutoff,) = cutoffs("reanalysis", TIMES)
    members = read_members(paths, cutoff, CHANNELS)
    assert members.shape == (4, 4, 2, 2, 4)
    np.testing.assert_array_equal(members[:, 1, 0, 0, 0], [1, 11, 21, 31])


def test_a_baseline_is_cut_to_the_states_asked_for(tmp_path) -> None:
    path = write(tmp_path / "manifest.json", [0], time=TIMES)
    (forecast,) = cutoffs("forecasting", TIMES, [6])
    members = read_members([path], forecast, CHANNELS)
    np.testing.assert_array_equal(members[0, :, 0, 0, 0], [2, 3])


def test_forecasts_are_read_by_their_lead(tmp_path) -> None:
    leads = np.array([6, 12], "timedelta64[h]").astype("timedelta64[ns]")
    path = write(tmp_path / "manifest.json", [0, 1], time=TIMES[1:2], prediction_timedelta=leads)
    (forecast,) = cutoffs("forecasting", TIMES, [6])
    members = read_members([path], forecast, CHANNELS)
    np.testing.assert_array_equal(members[1, :, 1, 0, 0], [10, 11])
    with pytest.raises(ValueError, match="lacks a state"):
        read_members([path], Cutoff(TIMES[0], (TIMES[1],)), CHANNELS)


def test_leads_count_from_the_last_observation() -> None:
    (forecast,) = cutoffs("forecasting", TIMES, [6])
    np.testing.assert_array_equal(lead_hours(forecast), [6, 12])
    (reanalysis,) = cutoffs("reanalysis", TIMES)
    np.testing.assert_array_equal(lead_hours(reanalysis), 0)


def test_a_member_read_twice_and_a_missing_state_are_refused(tmp_path) -> None:
    path = write(tmp_path / "manifest.json", [0, 1], time=TIMES[:2])
    now = Cutoff(TIMES[0], (TIMES[0],))
    with pytest.raises(ValueError, match="members appear twice"):
        read_members([path, path], now, CHANNELS)
    with pytest.raises(ValueError, match="lacks a state of 2001-01-01T18"):
        read_members([path], Cutoff(TIMES[3], (TIMES[3],)), CHANNELS)


def test_a_batch_that_lacks_what_its_name_promises_names_the_member(tmp_path) -> None:
    path = write(tmp_path / "members_000-003/manifest.json", [0, 2], time=TIMES)
    with pytest.raises(ValueError, match=r"members_000-003 lacks member 1, 3; .*missing_members"):
        Ensemble.open([path])
    found = Ensemble.open([path], skip_missing=True)
    assert found.size == 2


def test_another_grid_than_the_truth_is_refused_with_both(tmp_path) -> None:
    path = write(tmp_path / "manifest.json", [0], time=TIMES)
    Ensemble.open([path], latitude=PLACE["latitude"], longitude=PLACE["longitude"])
    with pytest.raises(ValueError, match=r"has 2 of latitude, the truth 3"):
        Ensemble.open([path], latitude=np.array([45.0, 0.0, -45.0]))
    with pytest.raises(ValueError, match=r"latitude 45 degrees where the truth has 50"):
        Ensemble.open([path], latitude=np.array([50.0, -45.0]))


def test_states_and_channels_are_read_in_parts(tmp_path) -> None:
    path = write(tmp_path / "manifest.json", [0, 1], time=TIMES)
    (cutoff,) = cutoffs("reanalysis", TIMES)
    ensemble = Ensemble.open([path])
    part = ensemble.read(cutoff, TIMES[2:3], CHANNELS[1:])
    np.testing.assert_array_equal(part[:, 0, 0, 0, 0], [2, 12])
    alone = list(ensemble.some(cutoff, TIMES[:2], CHANNELS, 1))
    assert [one.shape for one in alone] == [(1, 2, 2, 2, 4)] * 2
    np.testing.assert_array_equal(alone[1][0, :, 0, 0, 0], [10, 11])


def test_missing_variables_and_levels_are_named(tmp_path) -> None:
    path = write(tmp_path / "manifest.json", [0], time=TIMES)
    (cutoff,) = cutoffs("reanalysis", TIMES)
    with pytest.raises(ValueError, match=r"variable 'geopotential' is not in .*; found: 2m_temp"):
        read_members([path], cutoff, channels([], ["geopotential"], [500]))
    with pytest.raises(ValueError, match="level 850 hPa of 'temperature' is not in"):
        read_members([path], cutoff, channels([], ["temperature"], [850]))


def test_parts_fit_into_memory_and_cover_everything_once() -> None:
    state = channels(["2m_temperature"], ["temperature", "geopotential"], [300, 500, 850])
    for bound in (1, 10, 35, 10_000):
        seen = np.zeros((5, 7), int)
        for times, chosen in blocks(5, state, 10, bound):
            seen[times, chosen] += 1
            count = (times.stop - times.start) * (chosen.stop - chosen.start)
            assert 10 * count <= max(bound, 10)
        np.testing.assert_array_equal(seen, 1)
