"""Tables of many windows."""

import pandas as pd
import pytest

from galerne.evaluate.gathering import REDUCED, Gathering, summed


def spectra(power, count=1) -> pd.DataFrame:
    about = {"kind": "zonal", "variable": "temperature", "level": 500.0, "lead_hours": 0}
    sums = {"count": count, "members": power, "mean": 2 * power, "truth": 3 * power}
    return pd.DataFrame([about | {"wavenumber": k} | sums for k in range(3)])


def ranks(weight, level=500.0) -> pd.DataFrame:
    about = {"space": "grid", "variable": "temperature", "level": level, "lead_hours": 0}
    return pd.DataFrame([about | {"members": 1, "rank": k, "weight": weight} for k in (0, 1)])


def test_spectra_of_all_windows_are_one_and_ranks_of_each_are_kept() -> None:
    found = Gathering()
    for window in ("2001-01-01T00:00", "2001-01-09T00:00"):
        for part in (1.0, 2.0):
            found.add(window, {"spectra": spectra(part), "ranks": ranks(part)})
    tables = found.tables()
    assert tables["spectra"]["members"].tolist() == [6.0] * 3
    assert tables["spectra"]["count"].tolist() == [4] * 3
    assert tables["ranks"]["weight"].tolist() == [3.0] * 4
    assert tables["ranks"]["window"].nunique() == 2


def test_the_surface_is_no_missing_level() -> None:
    both = pd.concat([ranks(1.0, float("nan")), ranks(1.0)]).assign(window="w")
    assert len(summed(both, *REDUCED["ranks"])) == 4


def test_statistics_stay_as_they_come() -> None:
    found = Gathering()
    found.add("w", {"statistics": pd.DataFrame({"crps": [1.0, 2.0]})})
    assert found.tables()["statistics"]["crps"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", [*REDUCED, "consistency"])
def test_what_never_came_has_its_columns(name) -> None:
    found = Gathering()
    found.add("w", {name: pd.DataFrame()})
    table = found.tables()[name]
    assert len(table) == 0
    assert {"lead_hours", "level"} <= set(table.columns)
