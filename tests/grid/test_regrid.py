"""Tests of regridding: scalars, masked fields, winds."""

import numpy as np
import pytest
import xarray as xr
import xarray_regrid  # noqa: F401  (registers the accessor)

from hypothesis import given, settings
from hypothesis import strategies as st

from galerne.grid.areas import cell_areas, latitude_edges
from galerne.grid.latlon import equiangular, gaussian, lay_out
from galerne.grid.regrid import Regridding, regrid, wind_pairs
from galerne.grid.weights import METHODS

GRIDS = st.tuples(
    st.sampled_from(["equiangular", "gaussian"]),
    st.integers(2, 40),
    st.integers(2, 60),
    st.booleans(),
).map(lambda g: lay_out(*g[:3], poles=g[3] and g[0] == "equiangular"))


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
    values = np.random.default_rng(seed).normal(300, 50, tuple(map(len, one)))
    found = regrid(on(one, values), *two)
    assert mean(found) == pytest.approx(mean(on(one, values)), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(GRIDS, GRIDS, st.sampled_from(METHODS))
def test_a_constant_stays_constant(one, two, method) -> None:
    found = regrid(on(one, np.full(tuple(map(len, one)), 273.15)), *two, method)
    assert np.allclose(found["x"], np.float32(273.15), rtol=3e-7)


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


def harmonic(grid, degree=2) -> np.ndarray:
    """A spherical harmonic of order two: smooth everywhere, zero at the poles."""
    rows, columns = np.deg2rad(grid[0])[:, None], np.deg2rad(grid[1])[None]
    zonal = np.cos(rows) ** 2 * (1 if degree == 2 else np.sin(rows))
    return zonal * np.cos(2 * columns)


@pytest.mark.parametrize("method", METHODS)
def test_a_harmonic_converges_with_the_order_of_the_method(method) -> None:
    target, errors = gaussian(12, 24), []
    for rows in (48, 96):
        source = equiangular(rows + 1, 2 * rows, poles=True)
        found = regrid(on(source, 10 + harmonic(source, 3)), *target, method)["x"].values
        if method == "conservative":  # means over cells, not values at points
            fine = equiangular(721, 1440, poles=True)
            exact = regrid(on(fine, 10 + harmonic(fine, 3)), *target)["x"].values
        else:
            exact = 10 + harmonic(target, 3)
        errors.append(np.sqrt(np.square(found - exact).mean()))
    order = {"conservative": 1.5, "bilinear": 1.7, "nearest": 0.3}[method]
    assert errors[1] < errors[0] / 2**order
    assert errors[1] < {"conservative": 4e-3, "bilinear": 2e-3, "nearest": 0.05}[method]


def test_gaussian_rows_integrate_harmonics_exactly() -> None:
    source = gaussian(16, 32)
    polynomial = np.sin(np.deg2rad(source[0])) ** 30  # of degree 30 < 2 * 16
    values = np.repeat(polynomial[:, None], 32, axis=1)
    found = regrid(on(source, values), *equiangular(3, 4, poles=False))
    assert mean(found) == pytest.approx(1 / 31, rel=1e-6)


def test_bilinear_is_linear_between_rows_and_reaches_the_pole() -> None:
    source, target = equiangular(4, 4, poles=False), equiangular(5, 8, poles=True)
    values = np.arange(16.0).reshape(4, 4)
    found = regrid(on(source, values), *target, "bilinear")["x"].values
    assert found[0] == pytest.approx(np.full(8, values[0].mean()))
    assert found[1] == pytest.approx([2, 2.5, 3, 3.5, 4, 4.5, 5, 3.5])  # 45 N, last: 315 E
    assert found[-1] == pytest.approx(np.full(8, values[-1].mean()))


def test_nearest_takes_values_as_they_are() -> None:
    source, target = equiangular(19, 36, poles=True), equiangular(6, 12, poles=False)
    values = np.random.default_rng(0).normal(size=(19, 36)).astype("float32")
    found = regrid(on(source, values), *target, "nearest")["x"].values
    # Target rows 75, 45 ... lie between two source rows each: the southern one is taken.
    assert np.array_equal(found, values[2::3, ::3])


MASKED = "sea_surface_temperature"


def sea(grid, land) -> xr.Dataset:
    rows, columns = np.deg2rad(grid[0])[:, None], np.deg2rad(grid[1])[None]
    values = np.where(land, np.nan, 290 + 10 * np.cos(rows) * np.cos(columns))
    return xr.Dataset({MASKED: (("latitude", "longitude"), values)}, on(grid, values).coords)


def test_a_masked_constant_stays_constant_to_the_coast() -> None:
    source, target = equiangular(60, 120, poles=False), equiangular(11, 20, poles=True)
    land = np.random.default_rng(0).random((60, 120)) < 0.5
    found = regrid(sea(source, land).where(land, 290.0).where(~land), *target)[MASKED].values
    assert np.isnan(found).any()
    assert np.isfinite(found).any()
    assert np.nanmax(np.abs(found - 290)) < 1e-4


def test_a_cell_takes_the_mean_of_its_valid_area_or_is_masked_itself() -> None:
    source, target = equiangular(8, 16, poles=False), equiangular(2, 4, poles=False)
    land = np.zeros((8, 16), bool)
    land[:4, 0:2] = True  # columns 0 and 22.5 E: all of column 0's cell east of 337.5 but half
    fields = sea(source, land)
    areas = cell_areas(source[0])[:4]
    found = regrid(fields, *target)[MASKED].values
    # The first target column reaches from 45 W to 45 E: half of column 14, 15, 0, 1, half of 2.
    shares = np.array([0.5, 1, 1, 1, 0.5]) / 4
    valid = np.array([True, True, False, False, True])
    values = fields[MASKED].values[:4][:, [14, 15, 0, 1, 2]]
    means = np.einsum("yx,y,x->", values[:, valid], areas, shares[valid])
    assert found[0, 0] == pytest.approx(means / (areas.sum() * shares[valid].sum()), rel=1e-6)
    land[:4, 15] = True  # a quarter is left
    assert np.isnan(regrid(sea(source, land), *target)[MASKED].values[0, 0])
    assert np.isfinite(regrid(sea(source, land), *target)[MASKED].values[1]).all()


def test_a_gap_in_a_field_that_has_no_mask_is_not_filled() -> None:
    source, target = equiangular(8, 16, poles=False), equiangular(2, 4, poles=False)
    values = np.ones((8, 16))
    values[0, 4] = np.nan
    assert np.isnan(regrid(on(source, values), *target)["x"].values).sum() == 1


WIND = ("u_component_of_wind", "v_component_of_wind")


def winds(grid, u, v) -> xr.Dataset:
    coords = {"latitude": grid[0], "longitude": grid[1]}
    return xr.Dataset(
        {name: (tuple(coords), x) for name, x in zip(WIND, (u, v), strict=True)}, coords
    )


def rotation(grid, axis) -> tuple[np.ndarray, np.ndarray]:
    """Winds [m/s] of a globe that turns as a solid about an axis."""
    rows, columns = np.deg2rad(grid[0])[:, None], np.deg2rad(grid[1])[None]
    place = np.stack(np.broadcast_arrays(
        np.cos(rows) * np.cos(columns), np.cos(rows) * np.sin(columns), np.sin(rows)
    ))  # fmt: skip
    x, y, z = np.cross(np.array(axis), place, axis=0)
    along = np.cos(columns) * x + np.sin(columns) * y
    return np.cos(columns) * y - np.sin(columns) * x, np.cos(rows) * z - np.sin(rows) * along


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", [equiangular(31, 60, poles=True), gaussian(30, 60)])
def test_winds_across_the_pole_keep_their_direction(method, target) -> None:
    source = equiangular(181, 360, poles=True)
    axis = (30.0, 20.0, 0.0)  # in the plane of the equator: the flow goes straight over the poles
    found = regrid(winds(source, *rotation(source, axis)), *target, method)
    error = [
        np.abs(found[n].values - x) for n, x in zip(WIND, rotation(target, axis), strict=True)
    ]
    close = {"conservative": 0.06, "bilinear": 2e-3, "nearest": 0.4}[method]
    assert max(e.max() for e in error) < close  # of 36 m/s, also in the rows at the poles


@pytest.mark.parametrize("method", ["conservative", "bilinear"])
def test_components_one_by_one_would_be_wrong_near_the_pole(method) -> None:
    source, target = equiangular(90, 180, poles=False), equiangular(31, 8, poles=True)
    flow, wanted = (rotation(grid, (30.0, 20.0, 0.0)) for grid in (source, target))
    vector = regrid(winds(source, *flow), *target, method)[WIND[0]].values[0] - wanted[0][0]
    alone = regrid(on(source, flow[0]), *target, method)["x"].values[0] - wanted[0][0]
    assert np.abs(vector).max() < 0.05
    assert np.abs(alone).max() > 0.8


@pytest.mark.parametrize("method", METHODS)
def test_winds_about_the_axis_of_the_earth_stay_zonal(method) -> None:
    source, target = gaussian(48, 96), equiangular(17, 32, poles=True)
    found = regrid(winds(source, *rotation(source, (0, 0, 40.0))), *target, method)
    assert np.abs(found[WIND[1]]).max() < 1e-5
    assert np.abs(found[WIND[0]][[0, -1]]).max() < (0.5 if method == "bilinear" else 3)
    assert found[WIND[0]][8, 0] == pytest.approx(40, abs=0.4)


def test_a_wind_is_one_vector_whatever_the_frame() -> None:
    """The same flow seen from a turned globe is the same."""
    source, target = equiangular(20, 36, poles=False), equiangular(8, 12, poles=False)
    u, v = np.random.default_rng(0).normal(0, 10, (2, 20, 36))
    still = regrid(winds(source, u, v), *target)
    turned = regrid(winds(source, np.roll(u, 3, -1), np.roll(v, 3, -1)), *target)
    for name in WIND:
        assert np.allclose(turned[name], np.roll(still[name], 1, -1), atol=1e-5)


def test_half_a_wind_is_refused() -> None:
    fields = winds(equiangular(6, 8, poles=False), np.ones((6, 8)), np.ones((6, 8)))
    assert wind_pairs(fields) == [WIND]
    with pytest.raises(ValueError, match="'v_component_of_wind' cannot be regridded without 'u_"):
        regrid(fields[[WIND[1]]], *equiangular(4, 8, poles=False))


def test_lazy_winds_share_one_computation_and_give_the_same() -> None:
    source, target = equiangular(10, 24, poles=False), equiangular(6, 8, poles=True)
    values = np.random.default_rng(0).normal(size=(2, 5, 2, 10, 24)).astype("float32")
    dims = ("time", "level", "latitude", "longitude")
    coords = {"latitude": source[0], "longitude": source[1], "level": [500, 850]}
    fields = xr.Dataset({n: (dims, x) for n, x in zip(WIND, values, strict=True)}, coords)
    lazy = regrid(fields.chunk({"time": 2, "longitude": 7}), *target)
    assert lazy[WIND[0]].chunks == ((2, 2, 1), (2,), (6,), (8,))
    assert set(lazy[WIND[0]].__dask_graph__()) & set(lazy[WIND[1]].__dask_graph__())
    eager = regrid(fields, *target)
    for name in WIND:
        assert lazy[name].dtype == eager[name].dtype == "float32"
        assert np.array_equal(lazy[name].values, eager[name].values)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (np.linspace(70, -70, 15), np.arange(12) * 30.0, "do not reach both poles"),
        (np.linspace(90, 0, 10), np.arange(12) * 30.0, "do not reach both poles"),
        (np.linspace(90, -90, 10), np.arange(6) * 30.0, "a gap of 210 degrees"),
        (np.linspace(90, -90, 10), np.array([0.0, 180.0, 360.0]), "must increase"),
    ],
)
def test_fields_of_a_part_of_the_globe_are_refused(rows, columns, message) -> None:
    with pytest.raises(ValueError, match=message):
        Regridding((rows, columns), equiangular(4, 8, poles=False))


def test_an_unknown_method_is_refused() -> None:
    grid = equiangular(4, 8, poles=False)
    with pytest.raises(ValueError, match="unknown method 'cubic'; allowed: conservative"):
        Regridding(grid, grid, "cubic")
