"""Tests of the script that regrids a period."""

import numpy as np
import pytest
import xarray as xr

from galerne.grid.areas import cell_areas
from galerne.products import open_product, write_product
from workflow.scripts.regrid_period import regrid_period

GRID = {
    "kind": "equiangular",
    "latitudes": 4,
    "longitudes": 8,
    "poles": False,
    "method": "conservative",
    "exclude": [],
    "rounding": None,
}


@pytest.fixture
def fields() -> xr.Dataset:
    times = np.datetime64("2001-01-01", "ns") + np.arange(130) * np.timedelta64(6, "h")
    rng = np.random.default_rng(0)
    values = rng.normal(280, 9, (130, 7, 12)).astype("float32")
    return xr.Dataset(
        {
            "2m_temperature": (("time", "latitude", "longitude"), values),
            "land_sea_mask": (("latitude", "longitude"), rng.uniform(0, 1, (7, 12))),
        },
        coords={
            "time": times,
            "latitude": np.linspace(90, -90, 7),
            "longitude": np.arange(12) * 30.0,
        },
        attrs={"source": "drawn at random"},
    )


def test_a_period_arrives_on_the_grid(tmp_path, fields) -> None:
    write_product(fields, tmp_path / "source" / "manifest.json", chunks={"time": 7})
    path = tmp_path / "grid" / "manifest.json"
    regrid_period(tmp_path / "source" / "manifest.json", path, **GRID)
    found = open_product(path)
    assert found.sizes == {"time": 130, "latitude": 4, "longitude": 8}
    assert found["latitude"].values.tolist() == [67.5, 22.5, -22.5, -67.5]
    assert found.attrs["source"] == "drawn at random"
    assert found["2m_temperature"].attrs["units"] == "K"
    assert np.array_equal(found["time"], fields["time"])
    for name in fields.data_vars:
        before, after = (
            x[name].mean("longitude").values @ cell_areas(x["latitude"].values)
            for x in (fields, found)
        )
        assert np.allclose(before, after, rtol=1e-6)


def test_winds_and_masked_fields_are_regridded_as_what_they_are(tmp_path, fields) -> None:
    rows, columns = (np.deg2rad(fields[n].values) for n in ("latitude", "longitude"))
    dims, ones = ("time", "latitude", "longitude"), np.ones((130, 1, 1))
    across = {  # 10 m/s straight over the pole
        "10m_u_component_of_wind": ones * np.broadcast_to(-10 * np.sin(columns), (7, 12)),
        "10m_v_component_of_wind": -10 * ones * np.sin(rows)[:, None] * np.cos(columns),
    }
    sea = np.where(fields["land_sea_mask"] < 0.6, 290.0, np.nan) * ones
    given = fields.assign({n: (dims, x.astype("float32")) for n, x in across.items()})
    given["sea_surface_temperature"] = (dims, sea.astype("float32"))
    write_product(given, tmp_path / "source" / "manifest.json")
    path = tmp_path / "grid" / "manifest.json"
    settings = GRID | {"poles": True, "latitudes": 9, "method": "bilinear"}
    regrid_period(tmp_path / "source" / "manifest.json", path, **settings)
    found = open_product(path).load()
    speed = np.hypot(*(found[name] for name in across)).values
    assert np.allclose(speed[:, [0, -1]], 10, atol=1e-4)  # no wind is lost at the pole
    assert np.isnan(found["sea_surface_temperature"]).any()
    assert np.isfinite(found["sea_surface_temperature"]).any()
    assert np.allclose(found["sea_surface_temperature"].mean(), 290)
    assert np.isfinite(found["2m_temperature"]).all()


def test_rounding_stays_within_its_bound_and_says_so(tmp_path, fields) -> None:
    write_product(fields, tmp_path / "source" / "manifest.json")
    for name, rounding in (("exact", None), ("rounded", {"2m_temperature": 0.1})):
        settings = GRID | {"rounding": rounding}
        regrid_period(
            tmp_path / "source" / "manifest.json", tmp_path / name / "manifest.json", **settings
        )
    exact, found = (open_product(tmp_path / n / "manifest.json") for n in ("exact", "rounded"))
    error = np.abs(exact["2m_temperature"] - found["2m_temperature"]).max().item()
    assert 0.05 < error <= found["2m_temperature"].attrs["quantization_maximum_absolute_error"]
    assert np.array_equal(exact["land_sea_mask"], found["land_sea_mask"])


def test_a_damaged_chunk_leaves_no_product(tmp_path, fields) -> None:
    write_product(fields, tmp_path / "source" / "manifest.json", chunks={"time": 10})
    chunk = tmp_path / "source" / "data.zarr" / "2m_temperature" / "c" / "5" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-20])
    with pytest.raises(
        ValueError, match="'2m_temperature', times 2001-01-13T12:00 to 2001-01-15T18:00: cannot"
    ):
        regrid_period(
            tmp_path / "source" / "manifest.json", tmp_path / "grid" / "manifest.json", **GRID
        )
    assert not (tmp_path / "grid" / "manifest.json").exists()


def test_excluded_and_repeated_times_are_left_out(tmp_path, fields) -> None:
    fields["2m_temperature"][6:9] = np.nan
    twice = fields.isel(time=[*range(5), 4, *range(5, 20)])
    write_product(twice, tmp_path / "source" / "manifest.json", chunks={"time": 7})
    path = tmp_path / "grid" / "manifest.json"
    exclude = [["2001-01-02T12:00:00", "2001-01-03T00:00:00"]]
    regrid_period(tmp_path / "source" / "manifest.json", path, **GRID | {"exclude": exclude})
    found = open_product(path)
    assert np.array_equal(found["time"], fields["time"][[*range(6), *range(9, 20)]])
    assert np.isfinite(found["2m_temperature"]).all()
