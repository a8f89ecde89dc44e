"""Each check finds the defect that is planted for it, where and when it is, and nothing else."""

import os

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from galerne.audit.judgement import CHECKS, COLUMNS, say
from galerne.source.archive import open_archive
from galerne.source.integrity import guard_values
from galerne.source.selection import Selection

from .conftest import clean_record

WINDS = ["u_component_of_wind", "v_component_of_wind"]


def upside_down(fields: xr.Dataset, *names: str) -> xr.Dataset:
    turned = {name: fields[name].copy(data=fields[name].values[..., ::-1, :]) for name in names}
    return fields.assign(turned)


def test_a_clean_record_has_no_finding(findings) -> None:
    for seed in range(5):
        found = findings(clean_record(seed=seed))
        assert not len(found), found.to_string()
        assert list(found.columns) == list(COLUMNS)


def without_times(fields: xr.Dataset) -> xr.Dataset:
    return fields.isel(time=[k for k in range(120) if k not in (7, 8, 30)])


def twice(fields: xr.Dataset) -> xr.Dataset:
    return fields.isel(time=np.sort([*range(120), 44]))


def nowhere(fields: xr.Dataset) -> xr.Dataset:
    fields["temperature"][11:14, 1] = np.nan
    return fields


def somewhere(fields: xr.Dataset) -> xr.Dataset:
    fields["mean_sea_level_pressure"][5, 20, 30:33] = np.nan
    return fields


def flooded(fields: xr.Dataset) -> xr.Dataset:
    fields["sea_surface_temperature"][9, 12, 7] = 290.0
    return fields


def spike(fields: xr.Dataset) -> xr.Dataset:
    fields["mean_sea_level_pressure"][50, 30, 3] = 1.3e5
    return fields


def celsius(fields: xr.Dataset) -> xr.Dataset:
    return fields.assign(sea_surface_temperature=fields["sea_surface_temperature"] - 273.15)


def metres(fields: xr.Dataset) -> xr.Dataset:
    return fields.assign(geopotential=fields["geopotential"] / 9.80665)


def said_otherwise(fields: xr.Dataset) -> xr.Dataset:
    fields["mean_sea_level_pressure"].attrs["source_units"] = "hPa"
    return fields


def one_winter_upside_down(fields: xr.Dataset) -> xr.Dataset:
    for name in WINDS:
        fields[name][60] = fields[name].values[60, :, ::-1]
    return fields


def turned_sign(fields: xr.Dataset) -> xr.Dataset:
    return fields.assign(v_component_of_wind=-fields["v_component_of_wind"])


def many_at_the_pole(fields: xr.Dataset) -> xr.Dataset:
    fields["geopotential"][20, 2, 0] += np.linspace(0, 900, 72)
    return fields


def half_a_globe(fields: xr.Dataset) -> xr.Dataset:
    return fields.isel(longitude=slice(0, 60))


def of_another_day(fields: xr.Dataset) -> xr.Dataset:
    fields["temperature"][70:73, 1] += 30 * np.cos(np.deg2rad(fields["latitude"].values))[:, None]
    return fields


def preliminary(fields: xr.Dataset) -> xr.Dataset:
    versions = np.where(np.arange(120) < 90, "0001", "0005")
    return fields.assign_coords(expver=("time", versions))


def jump(_: xr.Dataset) -> xr.Dataset:
    fields = clean_record(240)
    fields["temperature"][60:] += 0.5
    return fields


def noisy(fields: xr.Dataset) -> xr.Dataset:
    noise = np.random.default_rng(0).normal(size=fields["mean_sea_level_pressure"][33].shape)
    fields["mean_sea_level_pressure"][33] += (4e3 * noise).astype("float32") * (
        np.abs(fields["latitude"].values) < 85
    )[:, None]
    return fields


@pytest.mark.parametrize(
    ("check", "plant", "said"),
    [
        ("missing_times", without_times, "missing_times, 2001-01-02T18:00 to 2001-01-03T00:00 (2"),
        ("duplicate_times", twice, "duplicate_times, 2001-01-12T00:00 (allowed: each time once"),
        (
            "missing_fields", nowhere,
            "temperature at 500 hPa, 2001-01-03T18:00 to 2001-01-04T06:00 (3 times): 2664",
        ),
        (
            "missing_values", somewhere,
            "mean_sea_level_pressure, 2001-01-02T06:00, at -10 N 150 E: 3 (allowed: finite",
        ),
        ("changed_mask", flooded, "changed_mask sea_surface_temperature, 2001-01-03T06:00"),
        (
            "out_of_range", spike,
            "2001-01-13T12:00, at -60 N 15 E: 130000 (allowed: 85000 to 110000 Pa)",
        ),
        ("units", celsius, "the mean looks like degrees Celsius"),
        ("units", metres, "the mean looks like metres of geopotential height"),
        ("units", said_otherwise, "Pa, not hectopascals ('hPa')"),
        ("orientation", one_winter_upside_down, "u_component_of_wind at 300 hPa, 2001-01-16T00:"),
        ("orientation", turned_sign, "a divergent share of at most 0.28"),
        ("orientation", lambda f: upside_down(f, *WINDS), "2001-01-01T00:00 to 2001-01-30T18:00"),
        ("orientation", lambda f: upside_down(f, "geopotential"), "correlation with geostrophic"),
        (
            "orientation", lambda f: upside_down(f, "mean_sea_level_pressure"),
            "mean_sea_level_pressure, 2001-01-01T00:00 to 2001-01-30T18:00 (120 times): ",
        ),
        ("pole_values", many_at_the_pole, "pole_values geopotential at 850 hPa, 2001-01-06T00:00"),
        ("grid", half_a_globe, "columns evenly spaced around the globe"),
        (
            "hydrostatic", of_another_day,
            "geopotential at 300 hPa, 2001-01-18T12:00 to 2001-01-19T00:00 (3 times)",
        ),
        ("preliminary", preliminary, "2001-01-23T12:00 to 2001-01-30T18:00 (30 times)"),
        ("seams", jump, "seams temperature at 300 hPa, 2001-01-16T00:00"),
        ("roughness", noisy, "roughness mean_sea_level_pressure, 2001-01-09T06:00"),
    ],
)  # fmt: skip
def test_a_planted_defect_is_found_where_it_is(check, plant, said, clean, findings) -> None:
    times = clean["time"].values
    found = findings(plant(clean.copy(deep=True)), times)
    lines = [say(row) for row in found[found["check"] == check].to_dict("records")]
    assert any(said in line for line in lines), found.to_string()


def test_every_check_has_a_planted_defect() -> None:
    (mark,) = (m for m in test_a_planted_defect_is_found_where_it_is.pytestmark)
    assert {check for check, *_ in mark.args[1]} == set(CHECKS)


def test_a_check_that_is_off_finds_nothing_and_errors_come_first(clean, findings, audit) -> None:
    fields = preliminary(spike(clean))
    assert findings(fields)["severity"].tolist() == ["error", "warning"]
    severity = audit.severity.model_dump()
    some = findings(fields, severity=severity | {"out_of_range": "off"})
    assert some["check"].tolist() == ["preliminary"]
    turned = {"out_of_range": "warning", "preliminary": "error"}
    assert findings(fields, severity=severity | turned)["check"].tolist() == [
        "preliminary", "out_of_range",
    ]  # fmt: skip


def test_excluded_times_do_not_count(clean, findings) -> None:
    times = clean["time"].values
    bad = without_times(nowhere(spike(clean)))
    spans = [
        ["2001-01-02T18:00", "2001-01-04T06:00"], ["2001-01-08T12:00", "2001-01-08T12:00"],
        ["2001-01-13T12:00", "2001-01-13T12:00"],
    ]  # fmt: skip
    assert {"missing_times", "missing_fields", "out_of_range"} <= set(
        findings(bad, times)["check"]
    )
    assert not len(findings(bad, times, exclude=spans))
    assert set(findings(bad, times, exclude=spans[:2])["check"]) == {"out_of_range"}


def test_a_masked_variable_may_miss_values_but_no_field(clean, findings) -> None:
    clean["sea_surface_temperature"][3] = np.nan
    assert findings(clean)["check"].tolist() == ["missing_fields"]


def real(name: str) -> Path:
    """A file of real ERA5, or a reason to skip."""
    path = Path(os.environ.get("GALERNE_DATA", "")) / name
    if not os.environ.get("GALERNE_DATA") or not path.exists():
        pytest.skip(f"GALERNE_DATA holds no {name}: real ERA5 is no part of the repository")
    return path


def winter(*chosen: object) -> Selection:
    return Selection(*chosen, "2025-12-01", "2026-02-28T18:00", 6)


def test_real_pressure_is_clean_but_for_the_preliminary_stretch(findings) -> None:
    path = real("era5/era5_msl_2025-2026_djf_2.5x2.5.zarr")
    found = findings(open_archive(winter(("mean_sea_level_pressure",), (), ()), path=path))
    assert found[["check", "first", "last", "times"]].values.tolist() == [
        ["preliminary", "2026-01-01T00:00", "2026-02-28T18:00", 236]
    ]


def test_real_vorticity_is_found_to_be_aliased_at_every_time(findings) -> None:
    path = real("era5/era5_vo850_2025-2026_djf_2.5x2.5.zarr")
    found = findings(open_archive(winter((), ("vorticity",), (850,)), path=path))
    rough = found[found["check"] == "roughness"]
    assert rough["times"].tolist() == [360]
    assert set(found["check"]) == {"roughness", "preliminary"}


@pytest.mark.parametrize(("turned", "expected"), [(False, ["orientation"]), (True, [])])
def test_real_winds_stored_upside_down_are_found(findings, turned, expected) -> None:
    path = real("era5_single/era5_uv850_2025120100_2.5x2.5.nc")
    fields = xr.open_dataset(path).rename(u=WINDS[0], v=WINDS[1])
    fields = fields.expand_dims(time=[np.datetime64("2025-12-01", "ns")], level=[850])
    fields = upside_down(fields, *WINDS) if turned else fields
    assert findings(guard_values(fields, "winds"))["check"].tolist() == expected


def test_real_fields_on_37_levels_are_in_balance(findings) -> None:
    path = real("era5_single/neuralgcm_era5_tl31_37lev_19590102T00.nc")
    names = ["geopotential", "temperature", *WINDS, "specific_humidity", "sea_surface_temperature"]
    fields = xr.open_dataset(path)[names].expand_dims("time")
    fields = fields.transpose(*("time", "level", "latitude", "longitude")).isel(
        latitude=slice(None, None, -1)
    )
    assert not len(findings(guard_values(fields, "ERA5")))


def test_real_pressure_at_full_resolution_is_clean(findings) -> None:
    path = real("era5_single/era5_msl_2025120100_0.25x0.25.nc")
    fields = xr.open_dataset(path).rename(msl="mean_sea_level_pressure")[
        ["mean_sea_level_pressure"]
    ]
    fields = fields.expand_dims(time=[np.datetime64("2025-12-01", "ns")])
    found = findings(guard_values(fields, "ERA5"))
    assert not len(found), found.to_string()


def test_a_few_days_of_deep_lows_in_the_north_are_no_finding(findings) -> None:
    fields = clean_record()
    pressure = fields["mean_sea_level_pressure"]
    pressure[40:52] = pressure.values[40:52, ::-1]
    assert not findings(fields)["check"].eq("orientation").any()
