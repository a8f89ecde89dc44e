"""Tables beside the scores, of every choice, by script."""

import pandas as pd
import pytest

from galerne.evaluate.diagnostics import TABLES
from galerne.evaluate.tables import read_scores
from tests.scripts.scored import CHOICE, make_products, score
from workflow.scripts.pool_diagnostics import pool_diagnostics


def test_every_table_holds_every_choice(tmp_path) -> None:
    products = make_products(tmp_path / "products")
    scored = score(products, tmp_path / "m", {"kind": "reanalysis"})
    choices = [CHOICE, CHOICE | {"method": "prior"}]
    paths = {name: tmp_path / "pooled" / f"{name}.csv" for name in TABLES}
    pool_diagnostics(
        {name: [scored[name]] * 2 for name in TABLES.values()},
        paths,
        choices=choices,
        blind=["prior"],
        unlike=False,
        inference={"resamples": 50, "level": 0.95, "block_hours": 24.0},
        seed=0,
    )
    tables = {name: read_scores(path) for name, path in paths.items()}
    for table in tables.values():
        assert list(table.columns)[:6] == list(CHOICE)
        assert set(table["method"]) == {"m", "prior"}
        both = [rows.drop(columns="method") for _, rows in table.groupby("method")]
        if table is not tables["consistency"]:
            both = [one.drop(columns=["lower", "upper"], errors="ignore") for one in both]
            pd.testing.assert_frame_equal(*(one.reset_index(drop=True) for one in both))
    consistency = tables["consistency"].groupby("method")["metric"].agg(set)
    assert consistency["prior"] == {"chi_square"}
    assert "signal" in consistency["m"]
    regions = tables["regions"]
    hours = regions.loc[regions["space"] == "grid", "hour"].astype(str)
    assert set(hours) == {"all", "00", "06", "12"}
    assert tables["ranks"].groupby(["method", "space", "variable", "level"], dropna=False)[
        "share"
    ].sum().to_numpy() == pytest.approx(1)
