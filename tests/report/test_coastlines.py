"""The projection keeps areas; coasts follow the mask, also across the date line."""

import numpy as np
import pytest

from galerne.report.coastlines import HEIGHT, WIDTH, Projection, coastlines, equal_earth, outline

LATITUDE = 90 - (np.arange(32) + 0.5) * 5.625
LONGITUDE = (np.arange(64) + 0.5) * 5.625


def test_projection_keeps_areas() -> None:
    """The area of a band in the plane is that on the sphere, by the strip between its edges."""
    phi = np.linspace(-90, 90, 20_001)
    half, y = equal_earth(np.full_like(phi, 180.0), phi)
    strips = np.diff(y) * (half[1:] + half[:-1])
    for south, north in ((-90, 90), (0, 30), (60, 90)):
        inside = (phi[1:] <= north + 1e-9) & (phi[:-1] >= south - 1e-9)
        exact = 2 * np.pi * (np.sin(np.radians(north)) - np.sin(np.radians(south)))
        assert strips[inside].sum() == pytest.approx(exact, rel=1e-3)


def test_projection_agrees_with_published_extent() -> None:
    # Savric et al. (2018): the map is 2.05458 times as wide as high.
    assert pytest.approx(2.05458, abs=1e-3) == WIDTH / HEIGHT


def test_outline_is_mirrored_in_both_axes() -> None:
    edge = outline(19)
    assert edge[:, 0].sum() == pytest.approx(0, abs=1e-9)
    assert edge[:, 1].sum() == pytest.approx(0, abs=1e-9)
    assert np.abs(edge[:, 0]).max() == pytest.approx(WIDTH)


def test_image_of_a_constant_is_constant_within_the_edge() -> None:
    image = Projection(LATITUDE, LONGITUDE, 100)(np.full((32, 64), 7.0))
    assert np.isnan(image[0, 0])
    assert image[np.isfinite(image)] == pytest.approx(7.0)
    share = np.isfinite(image).mean() * 4 * WIDTH * HEIGHT
    assert share == pytest.approx(4 * np.pi, rel=0.02)


def test_image_shows_a_place_where_it_is() -> None:
    field = np.broadcast_to(LATITUDE[:, None], (32, 64)).copy()
    image = Projection(LATITUDE, LONGITUDE, 201)(field)
    middle = image[:, 100]
    assert middle[len(middle) // 2] == pytest.approx(0, abs=2)
    assert (np.diff(middle) <= 0).all()
    east = np.cos(np.radians(LONGITUDE - 90))[None] * np.ones((32, 1))
    row = Projection(LATITUDE, LONGITUDE, 201)(east)[49]
    assert np.nanargmax(row) == pytest.approx(150, abs=3)


def test_image_is_seamless_at_the_date_line_and_at_greenwich() -> None:
    wave = np.cos(np.radians(LONGITUDE))[None] * np.ones((32, 1))
    row = Projection(LATITUDE, LONGITUDE, 400)(wave)[97]
    row = row[np.isfinite(row)]
    assert np.abs(np.diff(row)).max() < 0.02
    assert row[0] == pytest.approx(row[-1], abs=1e-6)


def test_coast_of_a_hemisphere_is_a_meridian_pair() -> None:
    mask = ((LONGITUDE > 90) & (LONGITUDE < 270))[None] * np.ones((32, 1))
    lines = coastlines(mask, LATITUDE, LONGITUDE)
    places = np.concatenate(lines)
    assert np.abs(np.abs(places[:, 0]) - 90).max() < 1e-6
    assert len(lines) == 2


def test_coast_crosses_the_date_line_without_a_stroke_across_the_map() -> None:
    mask = (np.abs(LATITUDE) < 30)[:, None] * np.ones((1, 64))
    for line in coastlines(mask, LATITUDE, LONGITUDE):
        assert np.abs(np.diff(line[:, 0])).max() < 10
        assert line[:, 0].min() == -180
        assert line[:, 0].max() == 180


def test_sea_alone_has_no_coast() -> None:
    assert coastlines(np.zeros((32, 64)), LATITUDE, LONGITUDE) == []


def test_the_last_and_the_first_column_are_neighbours() -> None:
    mask = np.zeros((32, 64))
    mask[:, (LONGITUDE > 90) & (LONGITUDE < 180)] = 1.0
    mask[:, np.flatnonzero(LONGITUDE > 180)[0]] = 0.4
    places = np.concatenate(coastlines(mask, LATITUDE, LONGITUDE))
    west = places[places[:, 0] < 0, 0]
    assert len(west) == 32
    # From 0.7 at -180 to 0.4 at the centre of the first column, 2.8125 degrees on.
    assert west == pytest.approx(-180 + 2.8125 * 2 / 3, abs=1e-6)
