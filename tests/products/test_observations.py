"""Observations: one tidy table per window, with a withheld share."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galerne.config.models import Config

COLUMNS = [
    *("time", "lat", "lon", "level", "variable", "observation", "error", "platform", "station"),
    "withheld",
]


@pytest.fixture(scope="module")
def tables(folder: Path, config: Config) -> dict[tuple[str, pd.Timestamp], pd.DataFrame]:
    e = config.experiments[config.run[0]]
    return {
        (network, pd.Timestamp(start)): pd.read_parquet(
            folder
            / e.dataset
            / "networks"
            / network
            / f"{start:%Y%m%dT%H}_{e.window_hours}h/observations.parquet"
        )
        for network in e.networks
        for start in e.windows
    }


def test_tables_hold_the_agreed_columns(tables: dict) -> None:
    for table in tables.values():
        assert list(table.columns) == COLUMNS
        assert len(table)
        assert table["time"].dtype == "datetime64[ns]"
        assert table["withheld"].dtype == bool
        assert np.isfinite(table[["lat", "lon", "observation", "error"]]).all(axis=None)
        assert table["lat"].between(-90, 90).all()
        assert table["lon"].between(0, 360, inclusive="left").all()
        assert not table.duplicated(["time", "lat", "lon", "level", "variable"]).any()


def test_observations_lie_in_their_window(tables: dict, config: Config) -> None:
    hours = config.experiments[config.run[0]].window_hours
    for (_, start), table in tables.items():
        assert table["time"].between(start, start + pd.Timedelta(hours=hours)).all()


def test_every_instrument_reports_with_its_errors(tables: dict, config: Config) -> None:
    for (network, _), table in tables.items():
        instruments = config.networks[network].instruments
        assert set(table["platform"]) == set(instruments)
        for name, rows in table.groupby("platform"):
            errors = rows.groupby("variable")["error"].agg(["min", "max"])
            assert set(errors.index) == set(instruments[name].errors)
            for variable, error in instruments[name].errors.items():
                np.testing.assert_allclose(errors.loc[variable], error, rtol=1e-6)
            surface = not getattr(instruments[name], "levels", [])
            assert rows["level"].isna().all() == surface


def test_sites_are_withheld_whole_and_in_their_share(tables: dict, config: Config) -> None:
    for (network, _), table in tables.items():
        sites = table.groupby(["platform", "station"])["withheld"].agg(["min", "max"])
        assert (sites["min"] == sites["max"]).all()
        share = config.networks[network].withheld_share
        assert abs(sites["max"].mean() - share) < 0.1
