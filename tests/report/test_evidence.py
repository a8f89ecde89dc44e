"""Tables are read once, with channels named, and refused by what they lack."""

from pathlib import Path

import pandas as pd
import pytest

from galerne.report.evidence import TABLES, Evidence, named_channels, of

from .conftest import CHOICE
from .made import make_evidence, write_tables


def test_every_table_is_read_with_its_channels(tmp_path: Path) -> None:
    paths = write_tables(tmp_path)
    assert set(paths) == set(TABLES)
    evidence = Evidence.read(paths)
    assert set(evidence.intervals["channel"]) == {"all", "2m_temperature", "geopotential_500"}
    assert set(evidence.comparisons["region"]) == {"globe"}
    assert set(evidence.regional["region"]) == {"globe", "tropics"}
    assert set(evidence.regions["hour"]) == {"all", "00", "12"}


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"scores", "comparisons"}))
def test_a_table_of_another_kind_is_refused_by_what_it_lacks(name: str, tmp_path: Path) -> None:
    paths = write_tables(tmp_path)
    table = pd.read_csv(paths[name])
    column = {"ranks": "share", "balance": "truth"}.get(name, "variable")
    column = "method" if name == "variants" else column
    table.drop(columns=column).to_csv(paths[name], index=False)
    with pytest.raises(ValueError, match=rf"{name}.csv lacks the columns {column}"):
        Evidence.read(paths)


def test_a_choice_is_kept_in_every_table_that_has_it(tmp_path: Path) -> None:
    both = make_evidence(tmp_path, networks=("sparse", "half"))
    own = both.choose({"network": "half", "task": "reanalysis"})
    for name in ("scores", "comparisons", "regional", "intervals", "regions", "ranks", "spectra"):
        assert set(getattr(own, name)["network"]) == {"half"}, name
    assert len(own.variants) == len(both.variants)
    assert both.choose({"task": "other"}).scores.empty


def test_a_table_without_a_name_is_not_chosen_by_it() -> None:
    table = pd.DataFrame({"task": ["a", "b"]})
    assert len(of(table, {"method": "m"})) == 2
    assert of(table, {"task": "b"})["task"].tolist() == ["b"]


def test_the_surface_comes_first() -> None:
    table = pd.DataFrame({"variable": ["geopotential", "2m_temperature"], "level": [500, None]})
    assert named_channels(table)["channel"].tolist() == ["2m_temperature", "geopotential_500"]
    assert CHOICE["method"] == "mmps"
