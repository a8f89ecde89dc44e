"""Tests of conservative regridding."""

import numpy as np
import pytest
import xarray as xr
import xarray_regrid  # noqa: F401  (registers the accessor)

from hypothesis import given, settings
from hypothesis import strategies as st

from galerne.grid.areas import cell_areas, latitude_edges
from galerne.grid.latlon import equiangular
from galerne.grid.regrid import latitude_overlap, longitude_overlap, regrid

GRIDS = st.tuples(st.integers(2, 40), st.integers(2, 60), st.booleans())


def on(grid, values) -> xr.Dataset:
    dims = ("time", "latitude", "longitude")[-values.ndim :]
    coords = {"latitude": grid[0], "longitude": grid[1]}
    return xr.Dataset({"x": (dims, values, {"units": "K"})}, coords)


def mean(dataset) -> np.ndarray:
    areas = cell_areas(dataset["latitude"].values)
    return (
        np.einsum("...yx,y->...", dataset["x"].values.astype("float64"), areas)
        / (dataset.sizes["longitude"])
    )


@settings(max_examples=40, deadline=None)
@given(GRIDS, GRIDS, st.integers(0, 2**31))
def test_the_integral_is_kept_between_any_two_grids(one, two, seed) -> None:
    source, target = (equiangular(a, b, poles=p) for a, b, p in (one, two))
    values = np.random.default_rng(seed).normal(300, 50, (one[0], one[1]))
    found = regrid(on(source, values), *target)
    assert mean(found) == pytest.approx(mean(on(source, values)), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(GRIDS, GRIDS)
def test_a_constant_stays_constant(one, two) -> None:
    source, target = (equiangular(a, b, poles=p) for a, b, p in (one, two))
    found = regrid(on(source, np.full((one[0], one[1]), 273.15)), *target)
    assert np.allclose(found["x"], np.float32(273.15), rtol=2e-7)


def test_a_zonal_field_has_its_exact_cell_means() -> None:
    source, target = equiangular(720, 8, poles=False), equiangular(12, 8, poles=False)
    edges = np.sin(np.deg2rad(latitude_edges(source[0])))
    cell_means = (edges[1:] + edges[:-1]) / 2  # of sin(lat) over each source row
    found = regrid(on(source, np.repeat(cell_means[:, None], 8, axis=1)), *target)
    edges = np.sin(np.deg2rad(latitude_edges(target[0])))
    assert np.allclose(found["x"][:, 0], (edges[1:] + edges[:-1]) / 2, atol=1e-7)


def test_a_wave_in_longitude_has_its_exact_cell_means() -> None:
    source, target = equiangular(4, 710, poles=False), equiangular(4, 10, poles=False)
    k, fine, coarse = 2, np.pi / 710, np.pi / 10  # half widths of the columns
    wave = np.cos(k * np.deg2rad(source[1])) * np.sin(k * fine) / (k * fine)
    found = regrid(on(source, np.repeat(wave[None], 4, axis=0)), *target)
    exact = np.cos(k * np.deg2rad(target[1])) * np.sin(k * coarse) / (k * coarse)
    assert np.allclose(found["x"][0], exact, atol=1e-6)


def test_agrees_with_xarray_regrid() -> None:
    source, target = equiangular(73, 144, poles=True), equiangular(32, 64, poles=False)
    rows, columns = np.deg2rad(source[0])[:, None], np.deg2rad(source[1])[None]
    values = 280 + 30 * np.sin(rows) + 10 * np.cos(3 * columns) * np.cos(rows) ** 2
    ours = regrid(on(source, values), *target)["x"]
    grid = xr.Dataset(coords={"latitude": target[0][::-1], "longitude": target[1]})
    reference = on(source, values).isel(latitude=slice(None, None, -1))
    theirs = reference.regrid.conservative(grid, latitude_coord="latitude")["x"]
    theirs = theirs.sel(latitude=target[0]).transpose("latitude", "longitude")
    # Theirs weighs rows by the cosine of their latitude, ours by their exact area.
    assert np.abs(ours.values - theirs.values)[1:-1].max() < 0.02
    assert np.abs(ours.values - theirs.values).max() < 0.5


def test_turning_the_globe_turns_the_result() -> None:
    source, target = equiangular(10, 24, poles=False), equiangular(6, 8, poles=False)
    values = np.random.default_rng(0).normal(size=(10, 24))
    turned = regrid(on(source, np.roll(values, 3, axis=-1)), *target)["x"]
    still = regrid(on(source, values), *target)["x"]
    assert np.allclose(turned, np.roll(still, 1, axis=-1), atol=1e-6)


def test_weights_of_the_prime_meridian_come_from_both_sides() -> None:
    weights = longitude_overlap(np.arange(360) + 0.5, np.array([0.0, 120.0, 240.0]))
    assert np.allclose(weights[0, [0, 59, 300, 359]], 1 / 120)
    assert np.allclose(weights[0, 60:300], 0)


def test_the_same_grid_is_left_alone() -> None:
    grid = equiangular(6, 8, poles=False)
    values = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
    assert np.array_equal(regrid(on(grid, values), *grid)["x"], values)


def test_lazy_fields_stay_lazy_and_give_the_same() -> None:
    source, target = equiangular(10, 24, poles=False), equiangular(6, 8, poles=True)
    values = np.random.default_rng(0).normal(size=(7, 10, 24)).astype("float32")
    lazy = regrid(on(source, values).chunk({"time": 3, "latitude": 5}), *target)["x"]
    assert lazy.chunks == ((3, 3, 1), (6,), (8,))
    assert lazy.dtype == "float32"
    assert lazy.attrs == {"units": "K"}
    assert np.array_equal(lazy.values, regrid(on(source, values), *target)["x"])


def test_latitude_in_either_order_gives_the_same() -> None:
    up = latitude_overlap(np.array([-60.0, 0.0, 60.0]), np.array([45.0, -45.0]))
    down = latitude_overlap(np.array([60.0, 0.0, -60.0]), np.array([45.0, -45.0]))
    assert np.allclose(up, down[:, ::-1])


def test_refuses_longitudes_that_are_no_globe() -> None:
    with pytest.raises(ValueError, match="must increase"):
        longitude_overlap(np.array([0.0, 180.0, 360.0]), np.array([0.0, 180.0]))
