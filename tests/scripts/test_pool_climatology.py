"""The climatology of two periods, by script."""

import numpy as np
import pytest

from galerne.arrays import stack_channels
from galerne.catalogue import channels
from galerne.grid.areas import cell_areas
from galerne.products import open_product, write_product
from galerne.stats import climatology as harmonic
from galerne.stats.transform import Transform


def read(paths, choice) -> tuple[np.ndarray, np.ndarray]:
    products = [open_product(path) for path in paths]
    x = np.concatenate([stack_channels(one, channels(**choice.state)) for one in products])
    return x, np.concatenate([one["time"].values for one in products])


def test_without_harmonics_it_is_the_mean_over_both_periods(climatology, choice, train) -> None:
    x, times = read(train, choice)
    transform = Transform.open(climatology)
    assert transform.channels == channels(**choice.state)
    mean = x.astype("float64").mean(0)
    np.testing.assert_allclose(transform.coefficients[0], mean, rtol=1e-12)
    np.testing.assert_allclose(transform.climatology(times)[7], mean, rtol=1e-6)


def test_anomalies_of_the_training_data_have_unit_area_weighted_variance(
    climatology, choice, train
) -> None:
    x, times = read(train, choice)
    transform = Transform.open(climatology)
    squares = np.square(transform.forward(x, times)).mean((0, 3))
    np.testing.assert_allclose(squares @ cell_areas(transform.latitude), 1, rtol=1e-3)
    assert squares[:, 7].min() > 2 * squares[:, 0].max()  # rows keep their own liveliness


def test_blocks_leave_no_trace(tmp_path, train, fit_climatology, climatology, monkeypatch) -> None:
    monkeypatch.setattr(harmonic, "BLOCK_STATES", 7)
    fit_climatology(train, tmp_path / "manifest.json")
    blocks, whole = Transform.open(tmp_path / "manifest.json"), Transform.open(climatology)
    np.testing.assert_allclose(blocks.coefficients, whole.coefficients, rtol=1e-12)
    np.testing.assert_allclose(blocks.scale, whole.scale, rtol=1e-6)


def test_harmonics_of_the_day_take_up_what_repeats_daily(
    tmp_path, choice, train, fit_climatology
) -> None:
    fit_climatology(train, tmp_path / "manifest.json", harmonics_of_day=1)
    x, times = read(train, choice)
    transform = Transform.open(tmp_path / "manifest.json")
    left = x - transform.climatology(times)
    hours = (times - times.astype("datetime64[D]")) // np.timedelta64(6, "h")
    opposite = [left[hours == k].mean(0) - left[hours == k + 2].mean(0) for k in (0, 1)]
    assert np.abs(np.stack(opposite) / transform.scale[:, None, None]).max() < 1e-3


def test_a_rerun_writes_the_same_bytes(
    tmp_path, train, contents, fit_climatology, climatology
) -> None:
    fit_climatology(train, tmp_path / "manifest.json")
    assert contents(tmp_path) == contents(climatology.parent)


def test_a_record_too_short_for_a_year_is_refused(tmp_path, train, fit_climatology) -> None:
    with pytest.raises(ValueError, match="80 training times cannot tell 2 harmonics of the year"):
        fit_climatology(train[:1], tmp_path / "c/manifest.json", harmonics_of_year=2)
    assert not (tmp_path / "c").exists()


def test_a_channel_that_never_changes_is_refused_by_name(tmp_path, train, fit_climatology) -> None:
    still = open_product(train[0]).load()
    still["mean_sea_level_pressure"][:] = 1e5
    write_product(still, tmp_path / "f/manifest.json")
    with pytest.raises(ValueError, match="leaves no variance of mean_sea_level_pressure"):
        fit_climatology([tmp_path / "f/manifest.json"], tmp_path / "c/manifest.json")
    assert not (tmp_path / "c").exists()
