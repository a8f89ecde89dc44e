"""Tests of the table of public archives: addresses as published, stretches that cover a period."""

from datetime import datetime, timedelta

import pytest

from galerne.archives import (
    ARCO_ERA5,
    WEATHERBENCH2,
    known_store,
    stretch_times,
    stretches,
)

# As listed by the data guide of WeatherBench 2 and the README of ARCO-ERA5.
PUBLISHED = {
    "gs://weatherbench2/datasets/era5/1959-2023_01_10-full_37-1h-0p25deg-chunk-1.zarr",
    "gs://weatherbench2/datasets/era5/1959-2023_01_10-wb13-6h-1440x721_with_derived_variables.zarr",
    "gs://weatherbench2/datasets/era5/1959-2023_01_10-6h-240x121_equiangular_with_poles_conservative.zarr",
    "gs://weatherbench2/datasets/era5/1959-2023_01_10-6h-64x32_equiangular_conservative.zarr",
    "gs://gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3",
}


def test_addresses_are_those_published() -> None:
    stores = [*WEATHERBENCH2.values(), *ARCO_ERA5.values()]
    assert {store.url for store in stores} == PUBLISHED


def test_public_buckets_are_read_over_https_or_from_a_mirror() -> None:
    store = known_store("weatherbench2", "64x32_equiangular_conservative")
    path = "weatherbench2/datasets/era5/1959-2023_01_10-6h-64x32_equiangular_conservative.zarr"
    assert store.address(None) == f"https://storage.googleapis.com/{path}"
    assert store.address("http://127.0.0.1:8/") == f"http://127.0.0.1:8/{path}"


def test_levels_and_times_are_those_published() -> None:
    small = known_store("weatherbench2", "64x32_equiangular_conservative")
    full = known_store("weatherbench2", "full_37-1h-0p25deg")
    assert (len(small.levels), len(full.levels)) == (13, 37)
    assert set(small.levels) < set(full.levels)
    # 93,544 and 561,264 times, by the shapes of the arrays.
    for store, states in ((small, 93_544), (full, 561_264)):
        length = store.last - store.first
        assert length / timedelta(hours=store.step_hours) + 1 == states


def test_an_unknown_store_is_refused_with_those_known() -> None:
    with pytest.raises(ValueError, match=r"no store '1x1'; known: 64x32_.*, 240x121_.*full_37"):
        known_store("weatherbench2", "1x1")


@pytest.mark.parametrize("unit", ["month", "year"])
@pytest.mark.parametrize(
    ("start", "end", "step"),
    [
        (datetime(2001, 1, 1), datetime(2003, 12, 31, 18), 6),
        (datetime(2001, 1, 30, 6), datetime(2001, 3, 1, 6), 24),
        (datetime(2001, 12, 31, 23), datetime(2002, 1, 1), 1),
        (datetime(2001, 1, 1), datetime(2001, 1, 1, 5), 6),
    ],
)
def test_stretches_hold_every_time_of_a_period_once(unit, start, end, step) -> None:
    hour, phase = timedelta(hours=1), start.hour % step
    times = []
    for name in stretches(start, end, step, unit):
        first, last = stretch_times(name, step, phase)
        times += [first + k * step * hour for k in range(int((last - first) / hour) // step + 1)]
    wanted = [start + k * step * hour for k in range(int((end - start) / hour) // step + 1)]
    assert times == wanted


def test_whole_months_and_years_are_named_alike_in_every_period() -> None:
    names = stretches(datetime(2001, 1, 15), datetime(2002, 3, 31, 18), 6, "month")
    assert names[0] == "20010115T00-20010131T18"
    assert names[1:] == [f"2001{k:02d}" for k in range(2, 13)] + ["200201", "200202", "200203"]
    assert stretches(datetime(2000, 1, 1), datetime(2001, 12, 31, 18), 6, "year") == [
        "2000",
        "2001",
    ]


def test_a_name_that_is_no_stretch_is_refused() -> None:
    with pytest.raises(ValueError, match="'200' is no stretch"):
        stretch_times("200", 6, 0)
