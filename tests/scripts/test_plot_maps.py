"""The still pictures of a choice: two of each window, and an index that describes them."""

import json

from pathlib import Path

import pytest

from galerne.products import write_product
from tests.report.conftest import make_maps, make_observations
from workflow.scripts.plot_maps import plot_maps


@pytest.mark.parametrize("lead", [0.0, 6.0])
def test_each_window_has_its_pictures(tmp_path: Path, lead: float) -> None:
    windows = ["20040114T00_12h", "20040129T00_12h"]
    paths, seen = [], tmp_path / "observations.parquet"
    make_observations().to_parquet(seen)
    for window in windows:
        paths.append(tmp_path / window / "manifest.json")
        write_product(make_maps(lead=lead), paths[-1])
    folder = tmp_path / "figures"
    plot_maps(paths, [seen, seen], folder, windows=windows, task="reanalysis", step_hours=6)
    index = json.loads((folder / "index.json").read_text())
    assert [row["file"] for row in index] == [
        f"{window}_{kind}.png" for window in windows for kind in ("overview", "members")
    ]
    for row in index:
        assert (folder / row["file"]).read_bytes().startswith(b"\x89PNG")
        assert row["title"]
        assert row["alt"]
