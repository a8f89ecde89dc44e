"""Variants: what is changed, what stays, and that smaller shares are part of larger ones."""

import numpy as np
import pandas as pd
import pytest

from galerne.observe.variant import vary

GROSS = {
    "change": "gross_errors",
    "instruments": {"land": 0.2, "orbiter": 0.2},
    "factor": 10.0,
    "seed": 1,
}


@pytest.fixture
def table() -> pd.DataFrame:
    """Two instruments, forty sites each, a quarter of them withheld; five times."""
    rows = [
        {
            "time": pd.Timestamp("2001-01-01") + pd.Timedelta(hours=6 * k), "platform": platform,
            "station": f"{platform}_{site}", "variable": variable, "observation": 280.0,
            "error": 0.5, "withheld": site % 4 == 0,
        }
        for k in range(5)
        for platform, variable in (("land", "2m_temperature"), ("orbiter", "temperature"))
        for site in range(40)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def used(table: pd.DataFrame, platform: str) -> pd.DataFrame:
    return table[~table["withheld"] & (table["platform"] == platform)]


@pytest.mark.parametrize(
    "change",
    [
        {"change": "deny", "instruments": ["land"]},
        {"change": "thin", "instruments": {"land": 0.3}},
        {"change": "misstate", "instruments": {"land": 2.0}},
        {"change": "bias", "instruments": {"land": {"2m_temperature": 1.0}}},
        {"change": "gross_errors", "instruments": {"land": 1.0}, "factor": 10.0},
    ],
)
def test_what_is_withheld_stays(table: pd.DataFrame, change: dict) -> None:
    varied = vary(table, **change, seed=1)
    kept, before = (one[one["withheld"]].reset_index(drop=True) for one in (varied, table))
    pd.testing.assert_frame_equal(kept, before)
    assert not varied.equals(table)


def test_an_instrument_is_left_out(table: pd.DataFrame) -> None:
    varied = vary(table, change="deny", instruments=["land"], seed=1)
    assert used(varied, "land").empty
    assert len(used(varied, "orbiter")) == len(used(table, "orbiter"))


def test_sites_are_kept_whole_and_in_turn(table: pd.DataFrame) -> None:
    found = {}
    for share in (0.25, 0.5, 1.0):
        varied = vary(table, change="thin", instruments={"land": share}, seed=1)
        own = used(varied, "land")
        found[share] = set(own["station"])
        assert len(found[share]) == round(share * 30)
        assert (own.groupby("station").size() == 5).all()
        assert len(used(varied, "orbiter")) == 150
    assert found[0.25] < found[0.5] < found[1.0]


def test_errors_are_stated_otherwise_and_values_stay(table: pd.DataFrame) -> None:
    varied = vary(table, change="misstate", instruments={"land": 2.0}, seed=1)
    assert (used(varied, "land")["error"] == 1.0).all()
    assert (used(varied, "orbiter")["error"] == 0.5).all()
    assert (varied["observation"] == 280.0).all()


def test_a_bias_is_of_one_variable_of_one_instrument(table: pd.DataFrame) -> None:
    varied = vary(table, change="bias", instruments={"land": {"2m_temperature": 1.5}}, seed=1)
    assert (used(varied, "land")["observation"] == 281.5).all()
    assert (used(varied, "orbiter")["observation"] == 280.0).all()
    assert (varied["error"] == 0.5).all()


def test_gross_errors_are_of_a_share_and_of_either_sign(table: pd.DataFrame) -> None:
    varied = vary(
        table,
        change="gross_errors",
        instruments={"land": 0.2, "orbiter": 0.2},
        factor=10.0,
        seed=1,
    )
    added = (varied["observation"] - 280.0)[~varied["withheld"]]
    np.testing.assert_array_equal(np.unique(added), [-5.0, 0.0, 5.0])
    assert 0.1 < (added != 0).mean() < 0.3  # of 300
    again = vary(
        table,
        change="gross_errors",
        instruments={"land": 0.2, "orbiter": 0.2},
        factor=10.0,
        seed=1,
    )
    pd.testing.assert_frame_equal(varied, again)


def test_an_unknown_change_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="unknown change 'add'; allowed: deny, thin, misstate"):
        vary(table, change="add", instruments=["land"], seed=1)
