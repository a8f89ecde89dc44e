"""Tests of the nature run: one at T21 for two days from rest, and what is relied on in jcm."""

import tracemalloc

from pathlib import Path
from typing import Any, ClassVar

import dask
import numpy as np
import pytest
import xarray as xr

import galerne.source.nature_run as module

from galerne.products import open_product, write_product
from galerne.source.nature_run import NatureRun, open_nature_run
from galerne.source.selection import Selection

SELECTION = Selection(
    surface=(
        "2m_temperature",
        "10m_u_component_of_wind",
        "10m_v_component_of_wind",
        "mean_sea_level_pressure",
        "total_precipitation_6hr",
    ),
    pressure=("geopotential", "temperature", "u_component_of_wind", "specific_humidity"),
    levels=(1000, 500),
    start="2001-01-01T00:00",
    end="2001-01-02T00:00",
    step_hours=6,
)
SETTINGS = {"truncation": 21, "time_step_minutes": 40, "spinup_days": 2, "seed": 7}


@pytest.fixture(scope="module")
def path_cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("nature_run")


@pytest.fixture(scope="module")
def lazy(path_cache) -> xr.Dataset:
    return open_nature_run(SELECTION, **SETTINGS, path_cache=path_cache)


@pytest.fixture(scope="module")
def fields(lazy) -> xr.Dataset:
    return lazy.compute(scheduler="synchronous")


@pytest.fixture(scope="module")
def run(path_cache, fields) -> NatureRun:
    """A second model, that finds the spun-up state of the first."""
    return NatureRun(
        truncation=21,
        time_step_minutes=40,
        step_hours=6,
        origin="2000-12-29T18:00:00",
        seed=7,
        path_cache=path_cache,
    )


def test_opening_promises_what_computing_gives(lazy, fields) -> None:
    for name in lazy.data_vars:
        assert lazy[name].shape == fields[name].shape
        assert lazy[name].dtype == fields[name].dtype == "float32"
    assert np.array_equal(fields["time"], SELECTION.times)
    assert fields["level"].values.tolist() == [500, 1000]
    assert fields["latitude"].values[[0, -1]].tolist() == [87.1875, -87.1875]
    assert fields["geopotential"].dims == ("time", "level", "latitude", "longitude")
    assert fields["geopotential"].attrs["units"] == "m**2 s**-2"
    assert "NOT ERA5" in fields.attrs["source"]
    assert "rate" in fields["total_precipitation_6hr"].attrs["comment"]


def test_it_is_an_atmosphere(fields) -> None:
    msl = fields["mean_sea_level_pressure"]
    tropics, poles = slice(20, -20), slice(90, 70)
    t2m = fields["2m_temperature"]
    assert float(msl.mean()) == pytest.approx(101_300, rel=0.02)
    assert t2m.sel(latitude=tropics).mean() > t2m.sel(latitude=poles).mean() + 15
    assert float(fields["geopotential"].sel(level=500).mean()) == pytest.approx(55e3, rel=0.06)
    assert float(fields["specific_humidity"].min()) >= 0
    assert 0 <= float(fields["total_precipitation_6hr"].mean()) < 0.01


def test_geopotential_of_1000_hpa_follows_from_sea_level_pressure(fields) -> None:
    msl, z = fields["mean_sea_level_pressure"], fields["geopotential"].sel(level=1000)
    sea = fields["geopotential_at_surface"] < 50
    hydrostatic = 287.05 * fields["2m_temperature"] * np.log(msl / 1e5)
    assert float(np.abs(z - hydrostatic).where(sea).max()) < 60  # m**2 s**-2, or 6 m


def test_statics_are_the_ground_that_the_dynamics_feels(run, fields) -> None:
    ground = fields["geopotential_at_surface"]
    tibet = ground.sel(latitude=32, longitude=88, method="nearest")
    assert 20e3 < float(tibet) < 60e3
    mask = fields["land_sea_mask"]
    assert float(mask.min()) >= 0
    assert float(mask.max()) <= 1 + 1e-6
    column = run._diagnose(run.spun_up(8))
    lowest = column["geopotential"][-1] - run.ground
    thickness = -287.05 * column["temperature"][-1] * np.log(run.sigma[-1])
    assert np.allclose(lowest, thickness, rtol=0.03)


def test_the_spun_up_state_comes_back_from_its_file(run, path_cache) -> None:
    import jax

    (path,) = (path_cache / "spinup").iterdir()
    stamp = path.stat().st_mtime_ns
    found = run.spun_up(8)
    assert path.stat().st_mtime_ns == stamp
    state = run.at_rest()
    for _ in range(8):
        state = run.advance(state)
    for a, b in zip(*map(jax.tree_util.tree_leaves, (found, state)), strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b))


def test_rerun_gives_the_same_bytes_whatever_levels_are_asked_for(path_cache, fields) -> None:
    fewer = Selection(
        ("2m_temperature",), ("geopotential",), (500,), SELECTION.start, "2001-01-01T12:00", 6
    )
    again = open_nature_run(fewer, **SETTINGS, path_cache=path_cache)
    again = again.compute(scheduler="synchronous")
    assert set(again.data_vars) == {
        "2m_temperature", "geopotential", "land_sea_mask", "geopotential_at_surface"
    }  # fmt: skip
    for name in ("2m_temperature", "geopotential"):
        wanted = fields[name].isel(time=slice(3))
        wanted = wanted.sel(level=[500]) if "level" in wanted.dims else wanted
        assert np.array_equal(again[name], wanted)


def test_a_torn_file_is_made_again(run, path_cache) -> None:
    (path,) = (path_cache / "spinup").iterdir()
    whole = path.read_bytes()
    for torn in (whole[: len(whole) // 2], b"", _damaged(whole)):
        path.write_bytes(torn)
        run.spun_up(8)
        assert path.read_bytes() == whole


def _damaged(content) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def test_seed_settings_and_length_name_the_file(run, path_cache) -> None:
    other = NatureRun(
        truncation=21,
        time_step_minutes=40,
        step_hours=6,
        origin="2000-12-29T18:00:00",
        seed=8,
        path_cache=path_cache,
    )
    assert len({run._digest(8), run._digest(9), other._digest(8)}) == 3
    import jax

    one, two = (
        np.asarray(jax.tree_util.tree_leaves(r.at_rest().dynamics)[3]) for r in (run, other)
    )
    assert not np.array_equal(one, two)


def test_regridding_keeps_the_global_mean(run) -> None:
    rng = np.random.default_rng(0)
    field = rng.normal(size=run.ground.shape).astype("float32")
    gauss = np.polynomial.legendre.leggauss(field.shape[1])[1]
    rows = np.diff(np.sin(np.deg2rad(np.linspace(-90, 90, 33))))
    # The cells of the model end halfway between Gaussian rows, so the means are close, not equal.
    assert np.average(run.regrid(field).mean(1), weights=rows) == pytest.approx(
        np.average(field.mean(0), weights=gauss), abs=2e-3
    )
    assert np.allclose(run.regrid(np.ones_like(field)), 1, atol=1e-6)


def test_north_comes_first_and_the_prime_meridian_in_the_west(run) -> None:
    horizontal = run.grid.horizontal
    latitude = np.broadcast_to(np.rad2deg(horizontal.latitudes), run.ground.shape)
    found = run.regrid(latitude.astype("float32"))
    assert (np.diff(found[:, 0]) < 0).all()
    east = np.rad2deg(horizontal.longitudes)
    assert east[0] == 0
    assert (np.diff(east) > 0).all()


def test_what_is_relied_on_in_jcm(run) -> None:
    state = run.advance(run.spun_up(8))
    near = state.physics["_surface_flux"]
    for field in (near.t0, near.u0, near.v0):
        assert field.shape == run.ground.shape
    for key, name in (("_convection", "precnv"), ("_condensation", "precls")):
        assert getattr(state.physics[key], name).shape == run.ground.shape
    column = run.model.dycore.to_physics_state(state.dynamics)
    names = ("temperature", "geopotential", "u_wind", "v_wind", "specific_humidity")
    for name in names:
        assert getattr(column, name).shape == (8, *run.ground.shape)
    assert column.normalized_surface_pressure.shape == run.ground.shape
    assert (np.diff(run.sigma) > 0).all()
    assert int(state.step) == (8 + 1) * 9  # steps of 40 minutes, carried through the file
    seconds = int(state.time.delta.days) * 86_400 + int(state.time.delta.seconds)
    assert np.datetime64(seconds, "s") == np.datetime64("2001-01-01T00:00:00")


def test_the_air_weighs_what_it_should(run) -> None:
    import jax.numpy as jnp

    state = run.at_rest()
    logs = run.grid.horizontal.to_nodal(state.dynamics.log_surface_pressure)
    pressure = np.asarray(jnp.exp(logs))[0] * module.REFERENCE_PRESSURE
    weights = np.polynomial.legendre.leggauss(pressure.shape[1])[1]
    sea = np.average(pressure.mean(0), weights=weights)
    assert sea == pytest.approx(100 * module.MEAN_PRESSURE, rel=0.01)


class Counter(NatureRun):
    """A run whose state counts its steps."""

    made: ClassVar[list[int]] = []

    def __init__(self, **_: Any):
        self.weights = (np.zeros((32, 48)), np.zeros((64, 96)))

    def spun_up(self, steps) -> int:
        return 0

    def advance(self, state) -> int:
        self.made.append(state + 1)
        return state + 1

    def sample(self, state, selection) -> dict[str, np.ndarray]:
        return {n: np.full((32, 64), 200 + state / 10, "float32") for n in selection.surface}

    def statics(self) -> dict[str, np.ndarray]:
        return {}


def test_a_long_record_is_made_once_and_written_as_it_is_made(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "NatureRun", Counter)
    monkeypatch.setattr(Counter, "made", [])
    names = ("2m_temperature", "10m_u_component_of_wind", "10m_v_component_of_wind")
    selection = Selection(names, (), (), "2001-01-01", "2001-12-31T18:00", 6)
    lazy = open_nature_run(selection, **SETTINGS, path_cache=tmp_path)
    tracemalloc.start()
    with dask.config.set(scheduler="synchronous"):
        write_product(lazy, tmp_path / "manifest.json", chunks={"time": 120})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert Counter.made == list(range(1, 1461))
    assert peak < lazy.nbytes / 3
    written = open_product(tmp_path / "manifest.json")["2m_temperature"]
    assert np.allclose(written[:, 0, 0], 200 + np.arange(1, 1461) / 10)


def test_a_block_out_of_order_is_made_again_with_the_same_values(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "NatureRun", Counter)
    selection = Selection(("2m_temperature",), (), (), "2001-01-01", "2001-06-01", 6)
    lazy = open_nature_run(selection, **SETTINGS, path_cache=tmp_path)["2m_temperature"]
    late = lazy[500:].compute(scheduler="synchronous")
    early = lazy[:3].compute(scheduler="synchronous")
    assert early[:, 0, 0].values == pytest.approx([200.1, 200.2, 200.3])
    assert late[0, 0, 0] == pytest.approx(250.1)


@pytest.mark.parametrize(
    ("selection", "settings", "message"),
    [
        ({}, {"time_step_minutes": 50}, "time_step_minutes: 50 does not divide the 6 h"),
        ({"step_hours": 12}, {}, "total_precipitation_6hr needs step_hours 6, not 12"),
    ],
)
def test_refusals(tmp_path, selection, settings, message) -> None:
    wanted = Selection(**vars(SELECTION) | selection)
    with pytest.raises(ValueError, match=message):
        open_nature_run(wanted, **SETTINGS | settings, path_cache=tmp_path)


def test_a_model_that_blows_up_is_named(path_cache, monkeypatch) -> None:
    def broken(self, state, selection) -> dict[str, np.ndarray]:
        good = np.full((32, 64), 250, dtype="float32")
        good[3, 4] = np.nan
        return {"2m_temperature": good}

    monkeypatch.setattr(NatureRun, "sample", broken)
    selection = Selection(("2m_temperature",), (), (), SELECTION.start, SELECTION.end, 6)
    lazy = open_nature_run(selection, **SETTINGS, path_cache=path_cache)
    with pytest.raises(ValueError, match="nature run: variable '2m_temperature', time 2001-01-01"):
        lazy.compute(scheduler="synchronous")
