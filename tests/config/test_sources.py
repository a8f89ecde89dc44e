"""Sources refuse what an archive is known not to hold, before anything runs."""

import pytest

from pydantic import ValidationError

from galerne.config.blocks import Dataset

WEATHERBENCH2 = {
    "kind": "weatherbench2", "store": "64x32_equiangular_conservative", "endpoint": None,
}  # fmt: skip
ARCO = {"kind": "arco_era5", "store": "full_37-1h-0p25deg", "endpoint": None}


def dataset(source: dict, year: int = 2001, **changes: object) -> dict:
    """A dataset of one year from a source, with some keys changed."""
    periods = {
        role: {"role": role, "start": f"{year}-0{k}-01T00:00", "end": f"{year}-0{k}-20T18:00"}
        for k, role in enumerate(("train", "validation", "test"), start=1)
    }
    return {
        "source": source,
        "surface": ["2m_temperature"],
        "pressure": ["temperature"],
        "levels": [500],
        "step_hours": 6,
        "grid": {
            "kind": "equiangular", "latitudes": 32, "longitudes": 64, "poles": False,
            "method": "conservative",
        },
        "storage": {"rounding": None},
        "climatology": {"harmonics_of_year": 0, "harmonics_of_day": 0},
        "hourly_climatology": None,
        "gap_hours": 120,
        "exclude": [],
        "periods": periods,
        **changes,
    }  # fmt: skip


@pytest.mark.parametrize("source", [WEATHERBENCH2, ARCO], ids=lambda s: s["kind"])
def test_what_an_archive_holds_is_accepted(source) -> None:
    Dataset.model_validate(dataset(source))
    Dataset.model_validate(dataset(source | {"endpoint": "http://127.0.0.1:9000"}))


@pytest.mark.parametrize(
    ("source", "changes", "message"),
    [
        (WEATHERBENCH2 | {"store": "32x64"}, {},
         "weatherbench2 has no store '32x64'; known: 64x32_equiangular_conservative, 240x121"),
        (ARCO | {"store": "v2"}, {}, "arco_era5 has no store 'v2'; known: full_37-1h-0p25deg"),
        (WEATHERBENCH2, {"levels": [10]}, "has no level 10 hPa; it holds: 50, 100, 150"),
        (WEATHERBENCH2, {"step_hours": 3}, "step_hours: 3 is no multiple of the 6 h"),
        (WEATHERBENCH2, {"year": 1950}, "leaves store '64x32.*', which holds 1959-01-01T00 to"),
        (WEATHERBENCH2, {"year": 2024}, "period 'train' leaves store .* to 2023-01-10T18"),
        (ARCO, {"year": 1939}, "which holds 1940-01-01T00 to the present"),
        (WEATHERBENCH2 | {"endpoint": "https://me:hunter2@host"}, {}, "holds no user name"),
        (WEATHERBENCH2 | {"endpoint": "s3://bucket"}, {}, "address of a server is needed"),
        ({"kind": "weatherbench3"}, {}, "'nature_run', 'archive', 'weatherbench2', 'arco_era5'"),
    ],
)  # fmt: skip
def test_what_it_does_not_hold_is_refused_with_what_it_does(source, changes, message) -> None:
    with pytest.raises(ValidationError, match=message):
        Dataset.model_validate(dataset(source, **changes))


def test_periods_start_at_an_hour_of_the_store() -> None:
    shifted = dataset(WEATHERBENCH2)
    shifted["periods"]["train"]["start"] = "2001-01-01T03:00"
    with pytest.raises(ValidationError, match="'train' starts at 03:00, which is none of the hou"):
        Dataset.model_validate(shifted)
