"""A small run made up: smooth fields, a score table, and the choices behind them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.report.legend import Legend
from galerne.report.scorecard import read_comparisons

CHANNELS = ["geopotential_500", "2m_temperature"]
CHOICE = {
    "dataset": "world",
    "autoencoder": "small",
    "prior": "dit",
    "network": "sparse",
    "method": "mmps",
    "task": "reanalysis",
}
NAMES = {
    "kinds": {"mmps": "mmps", "dps": "dps", "oi": "optimal_interpolation"},
    "variants": {
        "half": {"of": "sparse", "change": "thin", "instruments": {"a": 0.5}, "every": True}
    },
}
LEGEND = Legend(**NAMES)
BY_CLIMATOLOGY = {
    "prior": (1.1, 0.9, 1.3, "no evidence"),
    "oi": (0.27, 0.2, 0.35, "better"),
    "reconstruction": (0.1, 0.05, 0.15, "better"),
}
FRAME = ("channel", "frame", "latitude", "longitude")


def make_maps(frames: int = 3, *, lead: float = 0.0) -> xr.Dataset:
    """Maps on 8 x 16 cells: truth is a wave, the mean is the truth plus one."""
    latitude = 90 - (np.arange(8) + 0.5) * 22.5
    longitude = (np.arange(16) + 0.5) * 22.5
    wave = np.cos(np.radians(longitude))[None] * np.cos(np.radians(latitude))[:, None]
    times = np.arange(frames)
    truth = np.stack([np.stack([k + 10 * wave for k in times]) for _ in CHANNELS])
    members = np.stack([truth, truth + 1, truth + 2], axis=2)
    return xr.Dataset(
        {
            "truth": (FRAME, truth),
            "climatology": (FRAME, np.zeros_like(truth)),
            "mean": (FRAME, truth + 1),
            "spread": (FRAME, np.ones_like(truth)),
            "error": (FRAME, np.ones_like(truth)),
            "members": ((*FRAME[:2], "number", *FRAME[2:]), members),
            "prior_sample": (FRAME, -truth),
            "land_sea_mask": (FRAME[2:], (wave > 0).astype(float)),
        },
        {
            "channel": CHANNELS,
            "valid_time": (
                "frame",
                np.datetime64("2004-01-14", "ns") + times * np.timedelta64(6, "h"),
            ),
            "lead_hours": ("frame", times * lead),
            "number": np.arange(3),
            "latitude": latitude,
            "longitude": longitude,
        },
    )


def make_observations() -> pd.DataFrame:
    """Four observations of two channels at two times; one is withheld."""
    times = pd.to_datetime(["2004-01-14T00", "2004-01-14T00", "2004-01-14T02", "2004-01-14T06"])
    return pd.DataFrame(
        {
            "time": times,
            "lat": [10.0, -20.0, 30.0, 40.0],
            "lon": [0.0, 359.0, 180.0, 90.0],
            "level": [500.0, np.nan, np.nan, 500.0],
            "variable": ["geopotential", "2m_temperature", "2m_temperature", "geopotential"],
            "observation": [1.0, 280.0, 290.0, 3.0],
            "error": 1.0,
            "platform": "stations",
            "station": list("abcd"),
            "withheld": [False, True, False, False],
        }
    )


def make_scores(
    ratio: float = 0.4, ssr: float = 1.0, *, leads: tuple[int, ...] = (0,), **choice: str
) -> pd.DataFrame:
    """Scores in which climatology has RMSE 10 and CRPS 5 everywhere."""
    rows = []
    factors = {"climatology": 1.0, "prior": 1.1, "reconstruction": 0.1, "mmps": ratio}
    for lead in leads:
        for window in ("2004-01-14T00:00", "2004-01-29T00:00", "all"):
            for space in ("grid", "withheld"):
                for variable, level in (("geopotential", 500), ("2m_temperature", None)):
                    for method, factor in factors.items():
                        values = {"rmse": 10 * factor, "bias": 0.5, "crps": 5 * factor}
                        if method in ("mmps", "prior"):
                            values |= {"spread": 10 * factor * ssr, "ssr": ssr}
                        rows += [
                            {
                                **CHOICE, **choice, "method": method, "window": window,
                                "space": space, "variable": variable, "level": level,
                                "lead_hours": float(lead), "metric": metric, "value": value,
                            }
                            for metric, value in values.items()
                        ]  # fmt: skip
    level = {None: ""} | {500: "_500"}
    table = pd.DataFrame(rows)
    names = [level[None if pd.isna(v) else v] for v in table["level"]]
    return table.assign(channel=table["variable"] + names)


def make_comparisons(*, leads: tuple[int, ...] = (0,), **choice: str) -> pd.DataFrame:
    """The posterior beats climatology, loses to another baseline; of the prior nobody knows."""
    verdicts = {
        "climatology": (0.4, 0.3, 0.5, "better"),
        "oi": (1.5, 1.2, 1.9, "worse"),
        "prior": (0.9, 0.5, 1.6, "no evidence"),
    }
    keys = [("all", None, None), *(("all", None, lead) for lead in leads)]
    if len(leads) > 1:
        keys += [("geopotential", 500, None), ("2m_temperature", None, None)]
    both = (("geopotential", 500), ("2m_temperature", None))
    keys += [(variable, level, lead) for variable, level in both for lead in leads]
    pairs = [("mmps", reference, values) for reference, values in verdicts.items()]
    pairs += [(name, "climatology", values) for name, values in BY_CLIMATOLOGY.items()]
    rows = [
        {
            **CHOICE, **choice, "space": space, "region": region, "variable": variable,
            "level": level, "lead_hours": lead, "metric": metric, "method": method,
            "reference": reference, "best_baseline": reference == "oi", "ratio": ratio,
            "lower": lower, "upper": upper, "verdict": verdict, "windows": 2, "units": 2,
            "run": 1.0,
        }
        for space, region in (("grid", "globe"), ("withheld", "globe"), ("grid", "tropics"))
        for variable, level, lead in keys
        for metric in ("rmse", "crps")
        for method, reference, (ratio, lower, upper, verdict) in pairs
    ]  # fmt: skip
    return pd.DataFrame(rows)


CONFIG = {
    "results": "results",
    "seed": 3,
    "run": ["demo"],
    "datasets": {
        "world": {
            "source": {"kind": "nature_run"},
            "step_hours": 6,
            "periods": {
                "a": {"role": "train", "start": "2001-01-01T00:00", "end": "2001-12-31T18:00"},
                "b": {"role": "test", "start": "2004-01-01T00:00", "end": "2004-02-28T18:00"},
            },
        }
    },
    "networks": {"sparse": {"instruments": {"stations": {"sites": {"file": None}}}}},
    "variants": {},
    "tasks": {"reanalysis": {"kind": "reanalysis"}, "forecast": {"kind": "forecasting"}},
    "experiments": {
        "demo": {
            "dataset": "world",
            "networks": ["sparse"],
            "window_hours": 12,
            "windows": ["2004-01-14T00:00:00", "2004-01-29T00:00:00"],
            "members": 8,
        }
    },
    "report": {
        "title": "A <b>world</b>",
        "maps": CHANNELS,
        "energy": {"watts_per_core": 10.0, "watts_per_gpu": 400.0, "pue": 1.5},
    },
}


@pytest.fixture
def maps() -> xr.Dataset:
    return make_maps()


@pytest.fixture
def observations() -> pd.DataFrame:
    return make_observations()


@pytest.fixture
def scores() -> pd.DataFrame:
    return make_scores()


@pytest.fixture
def comparisons(tmp_path: Path) -> pd.DataFrame:
    path = tmp_path / "comparisons.csv"
    make_comparisons().to_csv(path, index=False)
    return read_comparisons(path)
