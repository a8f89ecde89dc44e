"""The transform is undone exactly, survives the disk, and makes anomalies of unit size."""

import dataclasses

import numpy as np
import pytest

from galerne.catalogue import channels
from galerne.products import write_product
from galerne.stats.climatology import harmonics
from galerne.stats.transform import Transform

LATITUDE = np.array([67.5, 22.5, -22.5, -67.5])
AREAS = np.array([0.15, 0.35, 0.35, 0.15])
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(0, 8760, 60) * np.timedelta64(1, "h")


@pytest.fixture
def transform() -> Transform:
    """A seasonal climatology far from zero; variances swing by half, each row its own."""
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=(3, 3, 4, 8))
    coefficients[0] += np.array([280.0, 5e4, 1e5])[:, None, None]
    variance = np.zeros((3, 3, 4))
    variance[0] = rng.uniform(1, 9, (3, 4))
    variance[1] = 0.5 * variance[0]
    return Transform(
        channels=channels(["2m_temperature"], ["geopotential"], [500, 850]),
        coefficients=coefficients,
        variance=variance,
        scale=np.sqrt(variance[0] @ AREAS),
        of_year=1,
        of_day=0,
        latitude=LATITUDE,
        longitude=np.arange(8) * 45.0,
    )


def test_forward_is_undone_with_or_without_members(transform) -> None:
    rng = np.random.default_rng(1)
    for batch in ((), (2,), (2, 3)):
        z = rng.normal(size=(*batch, 5, 3, 4, 8))
        x = transform.inverse(z, TIMES[:5])
        assert x.shape == z.shape
        np.testing.assert_allclose(transform.forward(x, TIMES[:5]), z, atol=1e-9)


def test_no_anomaly_is_the_climatology(transform) -> None:
    zero = np.zeros((len(TIMES), 3, 4, 8), "float32")
    found = transform.inverse(zero, TIMES)
    assert np.array_equal(found, transform.climatology(TIMES))
    expected = np.tensordot(harmonics(TIMES, 1, 0), transform.coefficients, axes=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32


def test_anomalies_of_planted_variance_have_unit_area_weighted_variance(transform) -> None:
    variance = np.tensordot(harmonics(TIMES, 1, 0), transform.variance, axes=1)
    signs = np.random.default_rng(2).choice([-1.0, 1.0], size=(len(TIMES), 3, 4, 8))
    x = transform.climatology(TIMES).astype("float64") + signs * np.sqrt(variance)[..., None]
    squares = np.square(transform.forward(x, TIMES)).mean(-1)
    np.testing.assert_allclose(squares @ AREAS, 1, rtol=1e-6)
    np.testing.assert_allclose(squares.max(0), squares.min(0), rtol=1e-6)


def test_seasonal_scale_stays_between_half_and_twice(transform) -> None:
    swing = transform.variance.copy()
    swing[1] = 30 * swing[0]
    scale = dataclasses.replace(transform, variance=swing).scale_at(TIMES)[..., 0]
    share = scale / transform.scale[:, None]
    assert share.min() == pytest.approx(0.5)
    assert share.max() == pytest.approx(2.0)


def test_scale_follows_the_season_within_bounds(transform) -> None:
    cosine = harmonics(TIMES, 1, 0)[:, 1]
    expected = np.sqrt(1 + 0.5 * cosine)[:, None, None] * transform.scale[:, None]
    np.testing.assert_allclose(
        transform.scale_at(TIMES)[..., 0], np.broadcast_to(expected, (len(TIMES), 3, 4)), rtol=1e-6
    )


def test_a_row_without_variance_has_a_finite_scale(transform) -> None:
    still = transform.variance.copy()
    still[:, 0, 2] = 0
    scale = dataclasses.replace(transform, variance=still).scale_at(TIMES)
    assert (scale > 0).all()
    assert np.isfinite(scale).all()


def test_opening_returns_what_was_written(transform, tmp_path) -> None:
    path = tmp_path / "climatology/manifest.json"
    write_product(transform.to_dataset(), path)
    opened = Transform.open(path)
    for field in dataclasses.fields(Transform):
        found, wanted = getattr(opened, field.name), getattr(transform, field.name)
        assert np.array_equal(found, wanted), field.name
        assert type(found) is type(wanted)
    assert opened.channels[0].level is None


def test_precipitation_is_standardised_in_its_logarithm(transform) -> None:
    state = channels(["2m_temperature", "total_precipitation_6hr"], ["geopotential"], [500])
    coefficients = transform.coefficients.copy()
    coefficients[0, 1] = 3.0
    rain = dataclasses.replace(transform, channels=state, coefficients=coefficients)
    z = np.random.default_rng(4).normal(size=(2, 5, 3, 4, 8)) * 0.2
    x = rain.inverse(z, TIMES[:5])
    linear = dataclasses.replace(rain, channels=transform.channels).inverse(z, TIMES[:5])
    np.testing.assert_allclose(x[..., 1, :, :], 1e-5 * np.expm1(linear[..., 1, :, :]), rtol=1e-12)
    assert np.array_equal(x[..., ::2, :, :], linear[..., ::2, :, :])
    wet = x[..., 1, :, :] > 0
    back = rain.forward(x, TIMES[:5])
    assert wet.mean() > 0.5
    np.testing.assert_allclose(back[..., 1, :, :][wet], z[..., 1, :, :][wet], atol=1e-6)
    zero = np.zeros((5, 3, 4, 8), "float32")
    assert np.array_equal(rain.inverse(zero, TIMES[:5]), rain.climatology(TIMES[:5]))
